"""Placement of labels: beside their object, inside the image, not upon another label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Box = tuple[float, float, float, float]


def place_label(
    size: tuple[float, float],
    box: Box,
    bounds: tuple[int, int],
    taken: Sequence[Box],
    *,
    centered: bool = False,
) -> Box:
    """Chooses the first place that is free, or else the one that covers least.

    Args:
        size: width and height of the label.
        box: x0, y0, x1, y1 of its object.
        bounds: width and height of the visualization.
        taken: places of other labels.
        centered: in the middle of the box rather than at its upper left corner.

    Returns:
        x0, y0, x1, y1 of the label.
    """
    places = _list_centered(size, box) if centered else _list_places(size, box)
    best, least = None, float("inf")
    for x, y in places:
        place = _move_inside(x, y, size, bounds)
        cost = sum(_find_overlap(place, other) for other in taken)
        if cost == 0:
            return place
        if cost < least:
            best, least = place, cost
    assert best is not None
    return best


def _list_places(size: tuple[float, float], box: Box) -> Iterator[tuple[float, float]]:
    """Upper left corners of a label: above the box, within it, below it, then further down."""
    (width, height), (x0, y0, x1, y1) = size, box
    yield x0, y0 - height
    yield x0, y0
    yield x1 - width, y0 - height
    yield x1 - width, y0
    yield x0, y1
    yield x0, y1 - height
    for step in range(1, 4):
        yield x0, y0 + step * height
        yield x0, y0 - (step + 1) * height


def _list_centered(size: tuple[float, float], box: Box) -> Iterator[tuple[float, float]]:
    (width, height), (x0, y0, x1, y1) = size, box
    x, y = (x0 + x1 - width) / 2, (y0 + y1 - height) / 2
    for step in (0, 1, -1, 2, -2):
        yield x, y + step * height


def _move_inside(x: float, y: float, size: tuple[float, float], bounds: tuple[int, int]) -> Box:
    left = max(0.0, min(x, bounds[0] - size[0]))
    top = max(0.0, min(y, bounds[1] - size[1]))
    return left, top, left + size[0], top + size[1]


def _find_overlap(first: Box, second: Box) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return max(width, 0.0) * max(height, 0.0)
