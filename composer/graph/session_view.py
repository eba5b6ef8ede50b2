"""How a session is shown: in a line, and in notebooks with its drawing and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from composer.blueprint import Blueprint, Slot
from composer.draw import Selection, make_diagram, to_svg
from composer.html_parts import embed_picture, make_heading, make_table
from composer.language import Mode
from composer.values import describe

_MAX_NAMES, _MAX_ROWS = 3, 40


def describe_session(
    blueprint: Blueprint, mode: Mode, computed: Sequence[str], marks: Mapping[str, Sequence[str]]
) -> str:
    """A session in a line.

    Args:
        blueprint: the graph.
        mode: the session's mode.
        computed: paths of the nodes that were computed.
        marks: names of values by what was done to them ("replaced", "edited").
    """
    count = len(blueprint.nodes_in(mode))
    parts = [f"{len(computed)} of {count} nodes computed"]
    for what, names in marks.items():
        if names:
            more = ", ..." if len(names) > _MAX_NAMES else ""
            parts.append(f"{what}: {', '.join(names[:_MAX_NAMES])}{more}")
    return f"Session({blueprint.spec.name}, {mode}: {'; '.join(parts)})"


def draw_session(
    blueprint: Blueprint,
    mode: Mode,
    computed: Sequence[str],
    values: Mapping[Slot, Any],
    marks: Mapping[str, Sequence[str]],
    *,
    heading: str,
) -> str:
    """A session as HTML: the graph with the nodes that were computed, and its values in a table.

    Args:
        blueprint: the graph.
        mode: the session's mode.
        computed: paths of the nodes that were computed.
        values: the values by slot.
        marks: names of values by what was done to them.
        heading: the session in a line.
    """
    states = {name: what for what, names in marks.items() for name in names}
    given = {slot.path for slot in values if str(slot) in states} - {*computed}
    selection = Selection(runs=frozenset(computed), fed=frozenset(given))
    picture = to_svg(make_diagram(blueprint, mode, selection=selection)).encode()
    rows = [
        (name, describe(value), states.get(name, "computed"))
        for name, value in [(str(slot), value) for slot, value in values.items()][:_MAX_ROWS]
    ]
    left_out = len(values) - len(rows)
    table = make_table(("value", "is", ""), rows, left_out=left_out) if rows else ""
    return make_heading(heading) + embed_picture(picture, "svg+xml", alt=heading) + table
