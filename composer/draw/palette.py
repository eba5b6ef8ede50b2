"""The colours of drawings: soft fills with dark text, safe for colour-blind people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from composer.draw.diagram import Box, Diagram


class Colour(NamedTuple):
    """The colours of one kind of box.

    Args:
        fill: inside.
        line: around.
        text: of the name.
    """

    fill: str
    line: str
    text: str


# One hue a plugin, in this order; neighbours differ in lightness as well as in hue.
_HUES = (
    Colour("#e3eefc", "#5b8def", "#1d3b72"),
    Colour("#e2f5ec", "#3fa37a", "#14503a"),
    Colour("#fdf0d9", "#d99a2b", "#6b4508"),
    Colour("#f1e8fb", "#9169c9", "#452a70"),
    Colour("#fde6e6", "#d76a6a", "#742626"),
    Colour("#e0f4f7", "#3b9fb2", "#124d58"),
    Colour("#f3f0e2", "#a3955a", "#4d4520"),
    Colour("#fbe6f2", "#c766a0", "#6b2450"),
)

NEUTRAL = Colour("#f4f6f9", "#98a2b3", "#344054")
TERMINAL = Colour("#475467", "#475467", "#ffffff")  # inputs and outputs of the graph
STATE_COLOURS: Mapping[str, Colour] = {
    "runs": Colour("#e3eefc", "#5b8def", "#1d3b72"),
    "target": Colour("#2f6fe4", "#1d4fb0", "#ffffff"),
    "fed": Colour("#fdf0d9", "#d99a2b", "#6b4508"),
    "idle": Colour("#fafbfc", "#d5dae2", "#a5aebd"),
}
STATE_WORDS: Mapping[str, str] = {
    "runs": "runs",
    "target": "asked for",
    "fed": "fed: given, not computed",
    "idle": "does not run",
}


def colours_by_plugin(diagram: Diagram) -> dict[str, Colour]:
    """A colour for each plugin of a diagram, in turn."""
    return {plugin: _HUES[i % len(_HUES)] for i, plugin in enumerate(diagram.plugins)}


def colour_of(box: Box, diagram: Diagram) -> Colour:
    """The colour of a box: by plugin, or by state where only a part runs."""
    if diagram.is_partial:
        return STATE_COLOURS[box.state]
    if box.kind != "node":
        return TERMINAL
    return colours_by_plugin(diagram).get(box.plugin, NEUTRAL)
