"""Orders the cells of each layer so that few segments cross (Sugiyama et al. 1981).

Layers are swept up and down; each cell goes to the mean place of its neighbours in the layer before
it, then neighbouring cells are swapped where that helps. This is done from several orders, and the
best one that was seen is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from random import Random

from composer.draw.layering import Cell, Layered

_SWEEPS, _STARTS = 12, 30

Neighbours = Mapping[Cell, Sequence[Cell]]
Row = list[Cell]


def order_rows(layered: Layered, wishes: Mapping[Cell, float] | None = None) -> list[Row]:
    """The layers' cells from left to right.

    Args:
        layered: the layers.
        wishes: for gates, where the wires outside lead, from left to right; gates in another order
            make wires cross outside.
    """
    above: dict[Cell, list[Cell]] = {}
    below: dict[Cell, list[Cell]] = {}
    for segment in layered.segments:
        below.setdefault(segment.upper, []).append(segment.lower)
        above.setdefault(segment.lower, []).append(segment.upper)

    def cost(rows: Sequence[Row]) -> int:
        return count_crossings(rows, below) + sum(_inversions(row, wishes or {}) for row in rows)

    best = [list(row) for row in layered.rows]
    fewest = cost(best)
    for rows in _starts(layered.rows):
        for sweep in range(_SWEEPS):
            if fewest == 0:
                return best
            if sweep % 2:
                _sweep(rows[::-1], below, above)
            else:
                _sweep(rows, above, below)
            for found in (rows, [row[::-1] for row in rows]):
                if cost(found) < fewest:
                    best, fewest = [list(row) for row in found], cost(found)
    return best


def _inversions(row: Row, wishes: Mapping[Cell, float]) -> int:
    """How many pairs of cells stand the other way round than they wish."""
    places = [wishes[cell] for cell in row if cell in wishes]
    return sum(_crossings([left], places[index:]) for index, left in enumerate(places))


def _starts(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Orders to start from: that of the spec, and some by chance, always the same ones."""
    yield [list(row) for row in rows]
    chance = Random(0)  # noqa: S311 - for a picture
    for _ in range(_STARTS):
        yield [chance.sample(row, len(row)) for row in rows]


def count_crossings(rows: Sequence[Row], below: Neighbours) -> int:
    """How many pairs of segments between neighbouring layers cross."""
    total = 0
    for upper, lower in pairwise(rows):
        place = {cell: index for index, cell in enumerate(lower)}
        ends = [sorted(place[end] for end in below.get(cell, ())) for cell in upper]
        for index, right in enumerate(ends):
            total += sum(_crossings(left, right) for left in ends[:index])
    return total


def _sweep(rows: Sequence[Row], near: Neighbours, far: Neighbours) -> None:
    """Orders each layer by the one before it, from the first on; `far` are those after it."""
    for before, row in pairwise(rows):
        place = {cell: index for index, cell in enumerate(before)}
        centres = {
            cell: _mean([place[other] for other in near.get(cell, ())], index)
            for index, cell in enumerate(row)
        }
        row.sort(key=lambda cell: centres[cell])
        _swap_neighbours(row, before, near)
    _swap_all(rows, near, far)


def _swap_all(rows: Sequence[Row], near: Neighbours, far: Neighbours) -> None:
    """Swaps neighbours with both of the layers around in view."""
    for index, row in enumerate(rows):
        around = [(rows[index - 1], near)] if index else []
        around += [(rows[index + 1], far)] if index + 1 < len(rows) else []
        for spot in range(len(row) - 1):
            left, right = row[spot], row[spot + 1]
            kept = sum(_pair(left, right, other, ends) for other, ends in around)
            swapped = sum(_pair(right, left, other, ends) for other, ends in around)
            if swapped < kept:
                row[spot], row[spot + 1] = right, left


def _swap_neighbours(row: Row, before: Row, near: Neighbours) -> None:
    for spot in range(len(row) - 1):
        left, right = row[spot], row[spot + 1]
        if _pair(right, left, before, near) < _pair(left, right, before, near):
            row[spot], row[spot + 1] = right, left


def _pair(left: Cell, right: Cell, other: Row, ends: Neighbours) -> int:
    """Crossings between the segments of two cells that stand side by side."""
    place = {cell: index for index, cell in enumerate(other)}
    return _crossings(
        [place[end] for end in ends.get(left, ())], [place[end] for end in ends.get(right, ())]
    )


def _crossings(left: Sequence[float], right: Sequence[float]) -> int:
    return sum(1 for a in left for b in right if a > b)


def _mean(places: Sequence[int], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise
