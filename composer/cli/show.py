"""`composer show`: draws the graph of a spec, or lists the costs of its nodes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from composer.cli.model_argument import read_spec_argument
from composer.cli.options import (
    inputs_option,
    json_option,
    mode_option,
    set_option,
    text_file_option,
    until_option,
)
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
@click.option("--costs", is_flag=True, help="List parameters and FLOPs by node; draw nothing.")
@inputs_option("Images or tensors to run for --costs; repeatable.  [default: the spec's example]")
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "dot", "svg"]),
    help="Format of the drawing.  [default: by the suffix of the file, else mermaid]",
)
@text_file_option()
@json_option()
def show(
    spec: str,
    *,
    until: Sequence[str],
    feeds: Sequence[str],
    settings: Sequence[str],
    mode: Mode,
    costs: bool,
    inputs: Sequence[str],
    form: str | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Draw the graph of SPEC: as Mermaid or Graphviz text, or as an SVG image.

    With --until, the nodes that run are highlighted.

    With --costs, run it and list the parameters and floating-point operations of every node, a
    multiplication with an addition counted as one.
    """
    _check_usage(costs=costs, only_with=(inputs, as_json), not_with=(feeds, form))
    if costs:
        from composer.cli.costs_table import write_costs

        write_costs(spec, until, settings, mode, inputs, output=output, as_json=as_json)
        return
    from composer.draw import to_dot, to_mermaid, to_svg

    writers = {"mermaid": to_mermaid, "dot": to_dot, "svg": to_svg}
    form = form or _SUFFIXES.get(Path(output or "").suffix.lower(), "mermaid")
    text = writers[form](_make_diagram(spec, settings, mode, until, feeds))
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)


def _check_usage(
    *, costs: bool, only_with: tuple[object, object], not_with: tuple[object, object]
) -> None:
    for name, given in zip(("--input", "--json"), only_with, strict=True):
        if given and not costs:
            raise click.UsageError(f"{name} is for --costs")
    for name, given in zip(("--feed", "--format"), not_with, strict=True):
        if given and costs:
            raise click.UsageError(f"{name} and --costs exclude each other")


def _make_diagram(
    spec: str, settings: Sequence[str], mode: Mode, until: Sequence[str], feeds: Sequence[str]
) -> Diagram:
    from composer.blueprint import resolve_spec
    from composer.draw import Selection, make_diagram
    from composer.language import load_spec, log_unchecked

    source = read_spec_argument(spec, settings)
    loaded = load_spec(source.spec, set=source.settings)
    log_unchecked(loaded)
    blueprint = resolve_spec(loaded)
    selection = None
    if any(setting.partition("=")[0].endswith("recompute") for setting in settings):
        from composer.construction import check_spec

        blueprint = check_spec(loaded)  # which applies settings of nodes, and this one is drawn
    if until or feeds:
        from composer.construction import check_spec

        checked = check_spec(loaded)
        book = checked.book(mode)
        slots = [slot for name in feeds for slot in book.fed_slots(book.resolve(name))]
        selection = Selection.of(checked.plan(mode, until or None, slots))
    return make_diagram(blueprint, mode, selection=selection)
