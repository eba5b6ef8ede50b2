"""Places the cells of ordered layers from left to right.

Each cell is pulled towards its neighbours. Its place is the solution of a least squares problem:
the squared slants of the segments are to be small while the cells of a layer keep their order and
their distances. It is solved by turns: every bundle of cells goes to the mean of its neighbours,
and the distances are restored by Hildreth's method (1957), which projects onto one of them after
the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from composer.draw.bundles import Attachment, Bundles, Rows
from composer.draw.layering import Bend, Cell, Segment

_ROUNDS, _PASSES = 60, 6
_BOLDNESS = 0.7  # share of the way to the neighbours' mean that is gone in a round
_INERTIA = 0.02  # weight of a bundle that nothing pulls
_SETTLED = 1e-3  # pixels: rounds that move nothing farther are the last


class Distance(NamedTuple):
    """The least distance of a bundle from one to its left."""

    left: int
    right: int
    pixels: float


class Pull(NamedTuple):
    """A pull of a bundle to a distance from another."""

    other: int
    shift: float
    weight: float


def place_cells(
    rows: Rows,
    segments: Sequence[Segment],
    width: Callable[[Cell], float],
    attach: Callable[[Segment], Attachment],
    spacing: Callable[[Cell, Cell], float],
) -> dict[Cell, float]:
    """The centres of all cells, the leftmost border at 0.

    Args:
        rows: the layers, ordered.
        segments: what connects them.
        width: gives the width of a cell.
        attach: gives the ends of a segment.
        spacing: gives the room between two neighbours.
    """
    bundles = Bundles(rows, segments, attach)
    distances = _distances(rows, bundles, width, spacing)
    places = _relax(_pulls(segments, bundles, attach), distances, _packed(rows, bundles, width))
    centres = {cell: places[bundle] + bundles.shift[cell] for cell, bundle in bundles.of.items()}
    left = min((centres[cell] - width(cell) / 2 for cell in centres), default=0.0)
    return {cell: centre - left for cell, centre in centres.items()}


def _distances(
    rows: Rows,
    bundles: Bundles,
    width: Callable[[Cell], float],
    spacing: Callable[[Cell, Cell], float],
) -> list[Distance]:
    found = []
    for row in rows:
        for left, right in pairwise(row):
            room = (width(left) + width(right)) / 2 + spacing(left, right)
            room += bundles.shift[left] - bundles.shift[right]
            found.append(Distance(bundles.of[left], bundles.of[right], room))
    return found


def _pulls(
    segments: Sequence[Segment], bundles: Bundles, attach: Callable[[Segment], Attachment]
) -> list[list[Pull]]:
    """What pulls each bundle."""
    pulls: list[list[Pull]] = [[] for _ in bundles.members]
    for segment in segments:
        ends = attach(segment)
        upper, lower = bundles.of[segment.upper], bundles.of[segment.lower]
        shift = bundles.shift[segment.upper] + ends.upper
        shift -= bundles.shift[segment.lower] + ends.lower
        weight = _stiffness(segment)
        if upper != lower:
            pulls[lower].append(Pull(upper, shift, weight))
            pulls[upper].append(Pull(lower, -shift, weight))
    return pulls


def _stiffness(segment: Segment) -> float:
    """Long ways should be straight, short ones may slant (Gansner et al. 1993, section 4)."""
    bends = isinstance(segment.upper, Bend) + isinstance(segment.lower, Bend)
    return (1.0, 2.0, 8.0)[bends]


def _packed(rows: Rows, bundles: Bundles, width: Callable[[Cell], float]) -> list[float]:
    """Every layer packed and centred: where to start from."""
    sums, counts = [0.0] * len(bundles.members), [0] * len(bundles.members)
    for row in rows:
        x = -sum(width(cell) for cell in row) / 2
        for cell in row:
            sums[bundles.of[cell]] += x + width(cell) / 2
            counts[bundles.of[cell]] += 1
            x += width(cell)
    return [total / max(1, count) for total, count in zip(sums, counts, strict=True)]


def _relax(
    pulls: Sequence[Sequence[Pull]], distances: Sequence[Distance], places: list[float]
) -> list[float]:
    """The places of the bundles after all rounds, or once nothing moves any more."""
    weights = [sum(pull.weight for pull in pulling) or _INERTIA for pulling in pulls]
    pushes = [0.0] * len(distances)
    for _ in range(_ROUNDS):
        desired = list(places)
        for bundle, pulling in enumerate(pulls):
            if pulling:
                total = sum((places[p.other] + p.shift) * p.weight for p in pulling)
                mean = total / weights[bundle]
                desired[bundle] += _BOLDNESS * (mean - places[bundle])
        before, places = places, project(desired, weights, distances, pushes)
        if all(abs(a - b) < _SETTLED for a, b in zip(before, places, strict=True)):
            break
    return _feasible(places, distances)


def project(
    desired: Sequence[float],
    weights: Sequence[float],
    distances: Sequence[Distance],
    pushes: list[float],
) -> list[float]:
    """The places that are closest to the desired ones, in weighted squares, and keep all distances.

    Args:
        desired: where the bundles are pulled to.
        weights: how strongly each of them is pulled.
        distances: what is to be kept.
        pushes: the multipliers of the distances; they are brought up to date, so that the next
            projection starts from here.
    """
    places, ease = list(desired), [1 / weight for weight in weights]
    for (left, right, _), push in zip(distances, pushes, strict=True):
        places[left] -= push * ease[left]
        places[right] += push * ease[right]
    for _ in range(_PASSES):
        for index, (left, right, pixels) in enumerate(distances):
            lacking = pixels - (places[right] - places[left])
            if lacking < 0 and not pushes[index]:
                continue
            change = max(-pushes[index], lacking / (ease[left] + ease[right]))
            pushes[index] += change
            places[left] -= change * ease[left]
            places[right] += change * ease[right]
    return places


def _feasible(places: list[float], distances: Sequence[Distance]) -> list[float]:
    """Moves to the right what is still too close to what is left of it."""
    for _ in places:
        moved = False
        for left, right, pixels in distances:
            if places[right] < places[left] + pixels - 1e-9:
                places[right] = places[left] + pixels
                moved = True
        if not moved:
            break
    return places
