"""The directive `{models}`: every model of the catalogues of this distribution, and its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from composer.blueprint import resolve_spec
from composer.catalogues import Catalogue, Entry, list_catalogues
from composer.discovery import DISTRIBUTION
from composer.language import load_spec


class ModelsDirective(SphinxDirective):
    """Lists the models, catalogue by catalogue, as sections of the page."""

    def run(self) -> list[nodes.Node]:
        """Makes the sections."""
        text = "\n".join(_describe_all(list_catalogues()))
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the directive with Sphinx."""
    app.add_directive("models", ModelsDirective)
    return {"parallel_read_safe": True}


def _describe_all(catalogues: Sequence[Catalogue]) -> Iterator[str]:
    ours = [catalogue for catalogue in catalogues if catalogue.distribution == DISTRIBUTION]
    for catalogue in ours:
        yield f"## {catalogue.name}\n"
        licence = catalogue.licence or "unknown"
        yield f"From {catalogue.source}. Licence of the weights: {licence}.\n"
        rows = [_describe(entry) for entry in catalogue.entries]
        yield from _table(("model", "task", "classes", "published", "spec", "run it with"), rows)
    yield "## Nodes\n"
    yield "The nodes of the specs, in inference and in training.\n"
    specs = {entry.spec for catalogue in ours for entry in catalogue.entries if entry.spec}
    yield from _table(("spec", "nodes"), [_list_nodes(spec) for spec in sorted(specs)])


def _describe(entry: Entry) -> tuple[str, ...]:
    metrics = ", ".join(f"{name} {value:g}" for name, value in entry.form.metrics.items())
    spec = "none yet" if entry.spec is None else f"`{_shorten(entry.spec)}`"
    model = entry.name
    if entry.spec is not None and _shorten(entry.spec) == model:
        model += " --weights default"
    command = "" if entry.spec is None else f"`composer predict IMAGE --model {model}`"
    classes = str(entry.num_classes or "none")
    return f"`{entry.name}`", entry.form.task, classes, metrics or "unknown", spec, command


def _list_nodes(spec: str) -> tuple[str, str]:
    paths = resolve_spec(load_spec(spec)).nodes
    return f"`{_shorten(spec)}`", ", ".join(f"`{path}`" for path in paths)


def _shorten(spec: str) -> str:
    return spec.removeprefix(f"{DISTRIBUTION}/")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + " --- |" * len(head)
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""
