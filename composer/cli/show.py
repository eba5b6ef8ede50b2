"""`composer show`: draws the graph of a spec."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from composer.cli.options import mode_option, set_option, text_file_option, until_option
from composer.files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from composer.draw import Diagram
    from composer.language import Mode

_SUFFIXES = {".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot", ".svg": "svg"}


@click.command(short_help="Draw the graph of a spec.")
@click.argument("spec")
@until_option("Highlight the nodes that run until this one; repeatable.")
@click.option(
    "--feed",
    "-f",
    "feeds",
    multiple=True,
    metavar="NODE",
    help="Feed this node, so that it is not run; repeatable.",
)
@set_option()
@mode_option("Mode of the nodes and wires to draw.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "dot", "svg"]),
    help="Format of the drawing.  [default: by the suffix of the file, else mermaid]",
)
@text_file_option()
def show(
    spec: str,
    until: Sequence[str],
    feeds: Sequence[str],
    settings: Sequence[str],
    mode: Mode,
    form: str | None,
    output: str | None,
) -> None:
    """Draw the graph of SPEC: as Mermaid or Graphviz text, or as an SVG image.

    With --until, the nodes that run are highlighted.
    """
    from composer.draw import to_dot, to_mermaid, to_svg

    writers = {"mermaid": to_mermaid, "dot": to_dot, "svg": to_svg}
    form = form or _SUFFIXES.get(Path(output or "").suffix.lower(), "mermaid")
    text = writers[form](_make_diagram(spec, settings, mode, until, feeds))
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)


def _make_diagram(
    spec: str, settings: Sequence[str], mode: Mode, until: Sequence[str], feeds: Sequence[str]
) -> Diagram:
    from composer.blueprint import resolve_spec
    from composer.draw import Selection, make_diagram
    from composer.language import load_spec, log_unchecked
    from composer.registry import Registry

    loaded = load_spec(spec, set=settings)
    log_unchecked(loaded)
    blueprint = resolve_spec(loaded)
    selection = None
    if until or feeds:
        from composer.construction import check_spec

        checked = check_spec(loaded)
        book = checked.book(mode)
        slots = [slot for name in feeds for slot in book.fed_slots(book.resolve(name))]
        selection = Selection.of(checked.plan(mode, until or None, slots))
    registry = Registry.installed()

    def plugin_of(uses: str) -> str:
        publication = registry.find(uses)
        return publication.plugin if publication is not None else ""

    return make_diagram(blueprint, mode, plugin_of=plugin_of, selection=selection)
