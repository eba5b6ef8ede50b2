"""Puts the items of a frame into layers, and bends where strands pass layers in between."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from composer.dag import layers
from composer.draw.frames import Frame, Gate, Item, Port, Strand


class Bend(NamedTuple):
    """Where strands of one port pass a layer. Strands of one item and port share their bends."""

    tail: Item
    port: Port
    layer: int


Cell = Item | Bend


@dataclass
class Segment:
    """A strand's way, or several strands' common way, from one layer to the next.

    Args:
        upper: the cell it leaves.
        lower: the cell it reaches.
        port: where its values come from.
        strands: the strands.
    """

    upper: Cell
    lower: Cell
    port: Port
    strands: list[Strand]

    @property
    def is_used(self) -> bool:
        """Whether a value passes in the run."""
        return any(strand.is_used for strand in self.strands)


@dataclass
class Layered:
    """A frame in layers.

    Args:
        rows: the cells of each layer, from top to bottom and from left to right.
        segments: what connects neighbouring layers.
    """

    rows: list[list[Cell]]
    segments: list[Segment]


def by_upper_cell(segments: Iterable[Segment]) -> dict[Cell, list[Segment]]:
    """The segments that leave each cell."""
    found: dict[Cell, list[Segment]] = {}
    for segment in segments:
        found.setdefault(segment.upper, []).append(segment)
    return found


def make_layers(frame: Frame) -> Layered:
    """Layers in which every strand leads downwards; gates are the first and the last one."""
    layer_of = _assign(frame)
    rows: list[list[Cell]] = [[] for _ in range(max(layer_of.values(), default=-1) + 1)]
    for item, layer in layer_of.items():
        rows[layer].append(item)
    segments: dict[tuple[Cell, Cell, Port], Segment] = {}
    bends: set[Bend] = set()
    for strand in frame.strands:
        cells: list[Cell] = [strand.tail]
        for layer in range(layer_of[strand.tail] + 1, layer_of[strand.head]):
            bend = Bend(strand.tail, strand.port, layer)
            if bend not in bends:
                bends.add(bend)
                rows[layer].append(bend)
            cells.append(bend)
        for upper, lower in zip(cells, [*cells[1:], strand.head], strict=True):
            key = (upper, lower, strand.port)
            segments.setdefault(key, Segment(upper, lower, strand.port, [])).strands.append(strand)
    return Layered(rows, list(segments.values()))


def _assign(frame: Frame) -> dict[Item, int]:
    """The layer of each item: below all that it needs, and sources just above what needs them."""
    graph = frame.edges()
    entries, exits = frame.gates("entry"), frame.gates("exit")
    first = 1 if entries else 0
    inner = graph.subgraph([item for item in graph if not isinstance(item, Gate)])
    depths = layers(inner)
    found: dict[Item, int] = {item: depths[item] + first for item in frame.items}
    for item in frame.items:
        below = [found[s] for s in inner.successors(item)]
        if below and not graph.in_degree(item):
            found[item] = min(below) - 1
    last = max(found.values(), default=0) + 1
    return {**dict.fromkeys(entries, 0), **found, **dict.fromkeys(exits, last)}
