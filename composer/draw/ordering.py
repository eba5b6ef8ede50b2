"""Orders the cells of each layer so that few segments cross (Sugiyama et al. 1981).

Layers are swept up and down; each cell goes to the mean place of its neighbours in the layer before
it, then neighbouring cells are swapped where that helps. This is done from several orders, and the
best one that was seen is kept. Cells are numbers meanwhile, and `place` has each one's place in its
layer.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from random import Random

from composer.draw.layering import Cell, Layered

_SWEEPS, _STARTS = 12, 30

Row = list[int]
Neighbours = Sequence[Sequence[int]]  # of each cell, in the layer above or below it
Ends = Mapping[int, Sequence[int]]  # of each cell's segments: places in the layer above or below


def order_rows(layered: Layered, desired: Mapping[Cell, float] | None = None) -> list[list[Cell]]:
    """Orders the layers' cells from left to right.

    Args:
        layered: the layers.
        desired: for gates, where the wires outside lead, from left to right; gates in another order
            make wires cross outside.
    """
    cells = [cell for row in layered.rows for cell in row]
    number = {cell: index for index, cell in enumerate(cells)}
    rows = [[number[cell] for cell in row] for row in layered.rows]
    order = _Order(len(cells), [(number[s.upper], number[s.lower]) for s in layered.segments])
    numbered = {number[cell]: x for cell, x in (desired or {}).items() if cell in number}
    return [[cells[index] for index in row] for row in _find_best(rows, order, numbered)]


def _find_best(rows: Sequence[Row], order: _Order, desired: Mapping[int, float]) -> Sequence[Row]:
    """Sweeps from every start; stops where nothing crosses, and leaves starts that are settled."""
    best: Sequence[Row] = rows
    fewest = order.count_crossings(rows) + _count_inversions(rows, desired)
    for start in _starts(rows):
        settled = 0  # sweeps in a row that moved nothing
        for sweep in range(_SWEEPS):
            if fewest == 0:
                return best
            settled = 0 if order.sweep(start, upwards=sweep % 2 == 1) else settled + 1
            if settled == 2:
                break
            crossings = order.count_crossings(start)
            for mirrored in (False, True):  # the same wires cross in a mirror
                found = [row[::-1] for row in start] if mirrored else start
                cost = crossings + _count_inversions(found, desired)
                if cost < fewest:
                    best, fewest = [list(row) for row in found], cost
    return best


def _starts(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Orders to start from: that of the spec, and some by chance, always the same ones."""
    yield [list(row) for row in rows]
    chance = Random(0)  # noqa: S311 - for a drawing
    for _ in range(_STARTS):
        yield [chance.sample(row, len(row)) for row in rows]


def _count_inversions(rows: Sequence[Row], desired: Mapping[int, float]) -> int:
    """Counts pairs of cells in another order than the desired one."""
    if not desired:
        return 0
    return sum(_inversions([desired[cell] for cell in row if cell in desired]) for row in rows)


def _inversions(values: Sequence[float]) -> int:
    """Counts pairs of numbers in descending order."""
    seen: list[float] = []
    total = 0
    for value in values:
        total += len(seen) - bisect_right(seen, value)
        insort(seen, value)
    return total


class _Order:
    """What connects the cells, and the sweeps that order them by it.

    Args:
        size: the number of cells.
        segments: the upper and the lower cell of each segment.
    """

    def __init__(self, size: int, segments: Sequence[tuple[int, int]]) -> None:
        self.above: list[Row] = [[] for _ in range(size)]
        self.below: list[Row] = [[] for _ in range(size)]
        for upper, lower in segments:
            self.below[upper].append(lower)
            self.above[lower].append(upper)
        self.place = [0] * size

    def count_crossings(self, rows: Sequence[Row]) -> int:
        """Counts pairs of segments between neighbouring layers that cross."""
        place, below = self._find_places(rows), self.below
        ends = ([sorted([place[end] for end in below[cell]]) for cell in row] for row in rows)
        return sum(_inversions(list(chain.from_iterable(layer))) for layer in ends)

    def sweep(self, rows: Sequence[Row], *, upwards: bool) -> bool:
        """Orders each layer by the one before it; returns whether anything moved."""
        before = [list(row) for row in rows]
        self._find_places(rows)
        near, far = (self.below, self.above) if upwards else (self.above, self.below)
        ordered = rows[::-1] if upwards else rows
        for row in ordered[1:]:
            if len(row) > 1:
                self._sort(row, self._find_ends(row, near))
        for row in ordered:  # again, with both of the layers around in view
            if len(row) > 1:
                _swap_neighbours(row, [self._find_ends(row, near), self._find_ends(row, far)])
                self._note_places(row)
        return before != list(rows)

    def _sort(self, row: Row, ends: Ends) -> None:
        """Orders a layer by where the segments of its cells end on one side."""
        means = {
            cell: sum(ends[cell]) / len(ends[cell]) if ends[cell] else float(index)
            for index, cell in enumerate(row)
        }
        row.sort(key=means.__getitem__)
        _swap_neighbours(row, [ends])
        self._note_places(row)

    def _find_ends(self, row: Row, side: Neighbours) -> Ends:
        return {cell: [self.place[end] for end in side[cell]] for cell in row}

    def _find_places(self, rows: Sequence[Row]) -> list[int]:
        for row in rows:
            self._note_places(row)
        return self.place

    def _note_places(self, row: Row) -> None:
        for index, cell in enumerate(row):
            self.place[cell] = index


def _swap_neighbours(row: Row, around: Sequence[Ends]) -> None:
    """Swaps cells that stand side by side where fewer of their segments cross then.

    Args:
        row: the layer.
        around: where the segments of the cells end, in each layer around.
    """
    for spot in range(len(row) - 1):
        left, right = row[spot], row[spot + 1]
        if sum(_gain(ends[left], ends[right]) for ends in around) > 0:
            row[spot], row[spot + 1] = right, left


def _gain(left: Sequence[int], right: Sequence[int]) -> int:
    """How many crossings fewer there are when the right cell stands to the left."""
    gain = 0
    for a in left:
        for b in right:
            if a > b:
                gain += 1
            elif a < b:
                gain -= 1
    return gain
