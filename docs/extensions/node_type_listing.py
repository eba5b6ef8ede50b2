"""The directive `{node-types}`: every node type of this distribution, from its own contract."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from docutils import nodes
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from composer.node import Contract, describe_field, describe_type, read_contract
from composer.registry import Publication, Registry

DISTRIBUTION = "detection-composer"


class NodeTypesDirective(SphinxDirective):
    """Lists the node types, plugin by plugin, as sections of the page."""

    def run(self) -> list[nodes.Node]:
        """Makes the sections."""
        text = "\n".join(_describe_all(Registry.installed().publications))
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the directive with Sphinx."""
    app.add_directive("node-types", NodeTypesDirective)
    return {"parallel_read_safe": True}


def _describe_all(publications: tuple[Publication, ...]) -> Iterator[str]:
    ours = [entry for entry in publications if entry.distribution == DISTRIBUTION]
    by_plugin = sorted(ours, key=lambda entry: (entry.plugin, entry.name))
    for plugin, entries in groupby(by_plugin, key=lambda entry: entry.plugin):
        yield f"## {plugin}\n"
        for entry in entries:
            yield from _describe(entry.name, read_contract(entry.load()))


def _describe(name: str, contract: Contract) -> Iterator[str]:
    yield f"### {name}\n"
    yield contract.doc.partition("\nArgs:")[0].strip() + "\n"
    inputs = [(port.name, _wanted(port.type, port.optional)) for port in contract.inputs.values()]
    outputs = [(port, f"`{describe_type(type_)}`") for port, type_ in contract.outputs.items()]
    yield from _table(("input", "type"), inputs)
    yield from _table(("output", "type"), outputs)
    for variable, ports in contract.shared_types.items():
        yield f"Of one type, `{describe_type(variable)}`: {', '.join(ports)}.\n"
    yield from _table(("parameter", "type", "default", "meaning"), _parameters(contract.config))
    if contract.takes_generator:
        yield "It draws from a generator of its own.\n"


def _wanted(type_: Any, optional: bool) -> str:
    return f"`{describe_type(type_)}`" + (", optional" if optional else "")


def _parameters(config: type[BaseModel]) -> Sequence[tuple[str, ...]]:
    return [
        (
            field.alias or name,
            f"`{describe_field(field)}`",
            _default(field),
            field.description or "",
        )
        for name, field in config.model_fields.items()
    ]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    try:
        return f"`{json.dumps(field.default)}`"  # as it stands in a spec
    except TypeError:
        return f"`{field.default!r}`"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    if rows:
        for row in [head, ("---",) * len(head), *rows]:
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
        yield ""
