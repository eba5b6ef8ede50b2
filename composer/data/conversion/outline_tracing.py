"""Outlines of masks, and several outlines as one.

Legend: H W the mask's height and width.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

Corner = tuple[int, int]
_Edges = tuple[tuple[np.ndarray, ...], tuple[Corner, Corner]]  # of one side: pixels, and its ends


def trace_outlines(mask: Bool[np.ndarray, "H W"]) -> list[list[float]]:
    """The outlines of a mask along the edges of its pixels, as x0, y0, x1, y1, ...

    Pixels that touch at a corner only belong to different outlines. Holes have outlines, too, in
    the other direction, so that all together, filled by even and odd crossings, are the mask.
    """
    padded = np.pad(mask, 1)
    leaving: dict[Corner, list[Corner]] = defaultdict(list)
    # The mask is to the right of each edge, in an image whose y points down.
    for (rows, columns), (start, end) in _find_edges(padded):
        for y, x in zip(rows.tolist(), columns.tolist(), strict=True):
            leaving[x + start[0], y + start[1]].append((x + end[0], y + end[1]))
    outlines = []
    while leaving:
        outlines.append(_follow(leaving))
    return outlines


def _find_edges(
    padded: Bool[np.ndarray, "H W"],
) -> list[tuple[tuple[np.ndarray, ...], tuple[Corner, Corner]]]:
    """The pixels that have an edge at each of their sides, and the ends of that edge."""
    inside = padded[1:-1, 1:-1]
    sides = {
        (0, 0, 1, 0): padded[:-2, 1:-1],  # the neighbour above: from left to right
        (1, 0, 1, 1): padded[1:-1, 2:],
        (1, 1, 0, 1): padded[2:, 1:-1],
        (0, 1, 0, 0): padded[1:-1, :-2],
    }
    return [
        (np.nonzero(inside & ~neighbours), ((x0, y0), (x1, y1)))
        for (x0, y0, x1, y1), neighbours in sides.items()
    ]


def _follow(leaving: dict[Corner, list[Corner]]) -> list[float]:
    """One closed outline, whose edges are taken out; corners on a straight line are left out."""
    first = next(iter(leaving))
    corners = [first]
    direction = (0, 0)
    here = first
    while True:
        ends = leaving[here]
        following = ends[0] if len(ends) == 1 else _turn_right(here, ends, direction)
        ends.remove(following)
        if not ends:
            del leaving[here]
        step = (following[0] - here[0], following[1] - here[1])
        if step == direction:
            corners[-1] = following
        else:
            corners.append(following)
        direction, here = step, following
        if here == first:
            return [float(value) for corner in _close(corners) for value in corner]


def _turn_right(here: Corner, ends: Sequence[Corner], direction: Corner) -> Corner:
    """Of two ways on from a corner, the one that stays at the same pixel."""
    right = (-direction[1], direction[0])
    wanted = (here[0] + right[0], here[1] + right[1])
    return wanted if wanted in ends else ends[0]


def _close(corners: list[Corner]) -> list[Corner]:
    """The corners of a closed outline without the one that is first and last."""
    corners = corners[:-1]
    (before_x, before_y), (x, y), (after_x, after_y) = corners[-1], corners[0], corners[1]
    is_straight = (x - before_x) * (after_y - y) == (y - before_y) * (after_x - x)
    return corners[1:] if is_straight else corners


def join_outlines(outlines: Sequence[Sequence[float]]) -> list[float]:
    """Several outlines as one, with bridges of no width between their nearest corners."""
    parts = [np.reshape(np.asarray(outline, dtype=np.float64), (-1, 2)) for outline in outlines]
    joined = parts[0]
    for part in parts[1:]:
        distances = np.linalg.norm(joined[:, None] - part[None], axis=-1)
        own, other = np.unravel_index(int(distances.argmin()), distances.shape)
        turned = np.roll(part, -int(other), axis=0)
        loop = np.concatenate([turned, turned[:1]])
        joined = np.concatenate([joined[: own + 1], loop, joined[own:]])
    return [float(value) for value in joined.ravel()]
