"""Binds cells together that are to stand below each other, so that the way between is straight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import networkx as nx

from composer.dag import find_cycles
from composer.draw.layering import Bend, Cell, Segment

Rows = Sequence[Sequence[Cell]]


class Attachment(NamedTuple):
    """How far from its cells' centres a segment begins and ends, to the right."""

    upper: float
    lower: float


class Bundles:
    """Which cells move together: those of a long way, and boxes that stand in a row by themselves.

    Args:
        rows: the layers, ordered.
        segments: what connects them.
        attach: gives the ends of a segment.

    Attributes:
        members: the cells of each bundle.
        of: the bundle of each cell.
        shift: how far each cell is from its bundle's place, to the right.
    """

    def __init__(
        self, rows: Rows, segments: Sequence[Segment], attach: Callable[[Segment], Attachment]
    ) -> None:
        self.members: list[list[Cell]] = []
        self.of: dict[Cell, int] = {}
        self.shift: dict[Cell, float] = {}
        for row in rows:
            for cell in row:
                self._alone(cell)
        lowers = Counter(segment.upper for segment in segments)
        uppers = Counter(segment.lower for segment in segments)
        for segment in segments:
            one_to_one = lowers[segment.upper] == uppers[segment.lower] == 1
            both_bend = isinstance(segment.upper, Bend) and isinstance(segment.lower, Bend)
            if one_to_one or both_bend:
                ends = attach(segment)
                self._join(segment.upper, segment.lower, ends.upper - ends.lower)
        self._untie(rows)

    def _alone(self, cell: Cell) -> None:
        self.of[cell], self.shift[cell] = len(self.members), 0.0
        self.members.append([cell])

    def _join(self, upper: Cell, lower: Cell, shift: float) -> None:
        kept, gone = self.of[upper], self.of[lower]
        if kept == gone:
            return
        by = self.shift[upper] + shift - self.shift[lower]
        for cell in self.members[gone]:
            self.of[cell] = kept
            self.shift[cell] += by
        self.members[kept] += self.members[gone]
        self.members[gone] = []

    def _untie(self, rows: Rows) -> None:
        """Takes apart bundles that would have to stand on both sides of each other."""
        while True:
            order: nx.DiGraph[int] = nx.DiGraph()
            for row in rows:
                order.add_edges_from((self.of[a], self.of[b]) for a, b in pairwise(row))
            rings = find_cycles(order)
            if not rings:
                return
            for bundle in {max(ring, key=lambda b: len(self.members[b])) for ring in rings}:
                cells, self.members[bundle] = self.members[bundle], []
                for cell in cells:
                    self._alone(cell)
