"""Rotated boxes around the masks of objects, the ground truth of rotated models.

Legend: P points, E edges, H W the image's height and width.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float

from composer.data.samples import Sample
from composer.structures import Boxes, RotatedBoxes

_THINNEST = 1e-3  # pixels; a thinner box has no stable direction


def make_rotated_boxes(sample: Sample) -> RotatedBoxes:
    """The rotated box of each object.

    It is that which the data have or, for others, the smallest box around the mask; the upright
    box where there is no mask either. Of the angles that describe the same box around a mask, it is
    that from -45 to 45 degrees: width is the side that lies flatter.
    """
    upright = RotatedBoxes.from_boxes(Boxes(sample.boxes)).tensor.numpy()
    rows = [
        row if points is None else _fit(points, row)
        for points, row in zip(_find_points(sample), upright, strict=True)
    ]
    fitted = torch.from_numpy(np.array(rows, dtype=np.float32).reshape(-1, 5))
    if sample.rotated_boxes is not None:
        given = sample.rotated_boxes.float()
        fitted = torch.where(given.isfinite(), given, fitted)
    return RotatedBoxes(fitted)


def fit_rotated_box(points: Float[np.ndarray, "P 2"]) -> Float[np.ndarray, "5"]:
    """The box of the smallest area around points, as (centre x, centre y, width, height, degrees).

    One of its sides lies on an edge of the convex hull (Freeman and Shapira, CACM 1975). Degrees
    count counter-clockwise as one sees it, from -45 on and below 45.

    Args:
        points: x and y in pixels, y pointing down; one at least.
    """
    hull = _find_hull(points)
    edges = np.roll(hull, -1, axis=0) - hull
    degrees = np.rad2deg(np.arctan2(-edges[:, 1], edges[:, 0]))
    degrees = (degrees + 45) % 90 - 45
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    along = np.outer(cos, hull[:, 0]) - np.outer(sin, hull[:, 1])  # E x P, in the box's own axes
    across = np.outer(sin, hull[:, 0]) + np.outer(cos, hull[:, 1])
    width, height = np.ptp(along, axis=1), np.ptp(across, axis=1)
    best = int(np.argmin(width * height))
    u = (along[best].min() + along[best].max()) / 2
    v = (across[best].min() + across[best].max()) / 2
    x, y = u * cos[best] + v * sin[best], v * cos[best] - u * sin[best]
    return np.array([x, y, width[best], height[best], degrees[best]])


def _fit(
    points: Float[np.ndarray, "P 2"], upright: Float[np.ndarray, "5"]
) -> Float[np.ndarray, "5"]:
    box = fit_rotated_box(points)
    return box if box[2:4].min() > _THINNEST else upright


def _find_points(sample: Sample) -> list[Float[np.ndarray, "P 2"] | None]:
    """Points of each object that its box has to hold."""
    found: list[Float[np.ndarray, "P 2"] | None] = [None] * len(sample)
    if sample.bit_masks is not None:
        found = [_find_ends(mask) if mask.any() else None for mask in sample.bit_masks.numpy()]
    for index, outline in enumerate(sample.outlines or ()):
        if outline:
            found[index] = np.concatenate(outline).reshape(-1, 2)
    return found


def _find_ends(mask: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, "P 2"]:
    """The corners of the first and the last pixel of each row."""
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - mask[rows, ::-1].argmax(axis=1)
    x, y = np.concatenate((first, first, last, last)), np.tile(np.concatenate((rows, rows + 1)), 2)
    return np.stack((x, y), axis=1).astype(np.float64)


def _find_hull(points: Float[np.ndarray, "P 2"]) -> Float[np.ndarray, "E 2"]:
    """The corners of the convex hull in order (Andrew's monotone chain, 1979)."""
    ordered = sorted(set(map(tuple, points.tolist())))
    if len(ordered) < 3:
        return np.array(ordered)
    lower, upper = _chain(ordered), _chain(ordered[::-1])
    return np.array(lower[:-1] + upper[:-1])


def _chain(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The part of the hull that is met from the first point to the last one."""
    chain: list[tuple[float, float]] = []
    for x, y in points:
        while len(chain) > 1:
            (x0, y0), (x1, y1) = chain[-2:]
            if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0:
                break
            chain.pop()
        chain.append((x, y))
    return chain
