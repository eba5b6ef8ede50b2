"""Exact clipping of polygons to a rectangle, and bounds on the work of filling them.

Legend: P corners.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Polygon: TypeAlias = NDArray[Any]  # x0, y0, x1, y1, ...: at least three corners
LONGEST_OUTLINE = 2**22  # pixels, of an object; filling takes some 100 bytes for each

_End: TypeAlias = tuple[int, bool]  # of a stretch: which one, and whether it is its last place

_SMALLEST_AREA = 1e-9  # square pixels; less is a line
_REACH = 2**16  # pixels beyond a raster, within which polygons are filled as they are
_SHORT = 2**20  # pixels of outlines that need not be measured
_FARTHEST = 1e12  # beyond, where an edge crosses a border is no longer computed exactly


def bound_polygons(
    polygons: Sequence[Sequence[float | int] | Polygon], height: int, width: int
) -> list[Polygon]:
    """The polygons of an object in a form that takes bounded memory and time to fill.

    Filling walks along each edge, wherever it leads: an edge of 1e9 pixels ends the process. A
    polygon that reaches far beyond the raster is cut to it; others stay as they are, to the bit.

    Args:
        polygons: the parts of an object, each x0, y0, x1, y1, ...
        height: rows of the raster.
        width: columns of the raster.

    Raises:
        ValueError: a coordinate is not finite, or the outline within the raster is longer than any
            object's.
    """
    bounded: list[Polygon] = []
    length = 0.0
    for part in polygons:
        polygon = np.asarray(part, dtype=np.float64)
        lowest, highest = float(polygon.min(initial=0)), float(polygon.max(initial=0))
        if not (math.isfinite(lowest) and math.isfinite(highest)):
            raise ValueError("a polygon has coordinates that are not finite")
        is_near = lowest >= -_REACH and highest <= max(height, width) + _REACH
        most = (highest - lowest) * len(polygon) / 2
        if is_near and (most <= _SHORT or measure_outline(polygon) <= LONGEST_OUTLINE):
            pieces = [polygon]
        else:
            near = np.clip(polygon[: len(polygon) // 2 * 2], -_FARTHEST, _FARTHEST)
            pieces = clip_polygon(near, width, height)
        bounded += pieces
        length += sum(map(measure_outline, pieces)) if most > _SHORT else 0.0
    if length > LONGEST_OUTLINE:
        raise ValueError(
            f"the outline of an object is {length:.3g} pixels long in an image of {width} x "
            f"{height}; up to {LONGEST_OUTLINE:.3g} are filled"
        )
    return bounded


def measure_outline(polygon: Polygon) -> float:
    """The number of pixels that the edges of a polygon pass."""
    corners = polygon[: len(polygon) // 2 * 2].reshape(-1, 2)
    return float(np.abs(corners - np.roll(corners, 1, axis=0)).max(axis=1).sum())


def measure_polygon(polygon: Polygon) -> float:
    """Returns a polygon's area in square pixels (the shoelace formula)."""
    x, y = polygon[0::2], polygon[1::2]
    return 0.5 * float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))))


def clip_polygon(polygon: Polygon, width: float | int, height: float | int) -> list[Polygon]:
    """Cuts a polygon to the rectangle from (0, 0) to (width, height).

    A polygon that is not convex may fall into several.

    Args:
        polygon: x0, y0, x1, y1, ...
        width: of the rectangle.
        height: of the rectangle.

    Returns:
        The parts, which share no area and together cover what the polygon covers inside (by the
        even-odd rule, where it crosses itself); none if that has no area.
    """
    corners = polygon.reshape(-1, 2)
    inside = (corners >= 0).all() and (corners <= (width, height)).all()
    if inside:
        return [polygon]
    parts = [corners]
    for axis, length in ((0, width), (1, height)):
        parts = [cut for part in parts for cut in _cut(part, axis, 1.0, 0.0)]
        parts = [cut for part in parts for cut in _cut(part, axis, -1.0, -length)]
    flat = [part.reshape(-1) for part in parts]
    return [part for part in flat if measure_polygon(part) > _SMALLEST_AREA]


def _cut(
    corners: Float[np.ndarray, "P 2"], axis: int, sign: float, limit: float | int
) -> list[Float[np.ndarray, "_ 2"]]:
    """The part of a polygon where sign * coordinate >= limit.

    Its outline falls into stretches on the right side. Along the line, an even-odd interior begins
    and ends by turns at the places where the outline crosses; so the stretches are tied together
    at the first and second place, the third and fourth, and so on.
    """
    distances = sign * corners[:, axis] - limit
    kept = distances >= 0
    if kept.all():
        return [corners]
    if not kept.any():
        return []
    stretches = _find_stretches(corners, distances, kept)
    other = 1 - axis
    # Each with its place on the line in front, by which they are sorted.
    ends = [(s[0, other], i, False) for i, s in enumerate(stretches)]
    ends += [(s[-1, other], i, True) for i, s in enumerate(stretches)]
    ends.sort()
    partner: dict[_End, _End] = {}
    for one, two in zip(ends[::2], ends[1::2], strict=True):
        partner[one[1:]], partner[two[1:]] = two[1:], one[1:]
    return _tie(stretches, partner)


def _find_stretches(
    corners: Float[np.ndarray, "P 2"], distances: Float[np.ndarray, "P"], kept: np.ndarray
) -> list[Float[np.ndarray, "_ 2"]]:
    """The parts of the outline on the right side, each from a place on the line to another."""
    count = len(corners)
    starts = np.flatnonzero(kept & ~np.roll(kept, 1)).tolist()
    stretches = []
    for start in starts:
        length = 1
        while kept[(start + length) % count]:
            length += 1
        rows = np.arange(start, start + length) % count
        first, last = int(rows[0]), int(rows[-1])
        entry = _cross(corners, distances, (first - 1) % count, first)
        leave = _cross(corners, distances, last, (last + 1) % count)
        stretches.append(np.concatenate((entry[None], corners[rows], leave[None])))
    return stretches


def _cross(
    corners: Float[np.ndarray, "P 2"], distances: Float[np.ndarray, "P"], here: int, there: int
) -> Float[np.ndarray, "2"]:
    """Where the edge from one corner to another, on different sides, crosses the line."""
    share = distances[here] / (distances[here] - distances[there])
    return corners[here] + share * (corners[there] - corners[here])


def _tie(
    stretches: list[Float[np.ndarray, "_ 2"]], partner: dict[_End, _End]
) -> list[Float[np.ndarray, "_ 2"]]:
    """Closed outlines, made by walking along stretches and from each end to its partner."""
    waiting = dict.fromkeys(range(len(stretches)))
    outlines = []
    while waiting:
        index, at_end = next(iter(waiting)), False
        walked = []
        while index in waiting:
            del waiting[index]
            stretch = stretches[index]
            walked.append(stretch[::-1] if at_end else stretch)
            index, at_end = partner[index, not at_end]
        outlines.append(np.concatenate(walked))
    return outlines
