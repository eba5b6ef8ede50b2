"""Outlines of shapes that tools draw: rectangles, circles, ellipses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from composer.data.faults import BadPart
from composer.data.records import Box

_TOLERANCE = 0.1  # pixels that a polygon may leave a circle by
_FEWEST, _MOST = 12, 360  # corners


def make_ellipse(
    x: float, y: float, radius_x: float, radius_y: float, angle: float = 0.0
) -> list[float]:
    """The corners of a polygon that follows an ellipse to a tenth of a pixel, as x0, y0, x1, ...

    Args:
        x: of the centre.
        y: of the centre.
        radius_x: half of the axis that lies along x before the ellipse is turned.
        radius_y: half of the other axis.
        angle: in radians, from x towards y: clockwise in an image.

    Raises:
        BadPart: a radius is no positive number.
    """
    largest = max(radius_x, radius_y)
    if not (math.isfinite(largest) and min(radius_x, radius_y) > 0):
        raise BadPart("malformed", f"the radii are {radius_x:g} and {radius_y:g} pixels")
    half_step = math.acos(max(1 - _TOLERANCE / largest, 0.0))
    wanted = math.pi / half_step if half_step else _MOST  # of a radius beyond all images
    count = min(max(_FEWEST, 4 * math.ceil(wanted / 4)), _MOST)
    corners: list[float] = []
    for number in range(count):
        turn = 2 * math.pi * number / count
        along, across = radius_x * math.cos(turn), radius_y * math.sin(turn)
        corners += rotate(x + along, y + across, x, y, angle)
    return corners


def make_rectangle(box: Box, angle: float, x: float, y: float) -> list[float]:
    """The corners of a box that is turned around a point, as x0, y0, x1, ..."""
    x0, y0, x1, y1 = box
    corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    return [value for corner in corners for value in rotate(*corner, x, y, angle)]


def rotate(x: float, y: float, center_x: float, center_y: float, angle: float) -> Sequence[float]:
    """A point that is turned around another by an angle in radians, from x towards y."""
    right, down = x - center_x, y - center_y
    cosine, sine = math.cos(angle), math.sin(angle)
    return center_x + cosine * right - sine * down, center_y + sine * right + cosine * down


def enclose(points: Iterable[Sequence[float]]) -> Box:
    """The smallest box around points."""
    xs, ys = zip(*((float(x), float(y)) for x, y in points), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def flatten(points: Iterable[Sequence[float]]) -> list[float]:
    """Points as x0, y0, x1, y1, ..."""
    return [float(value) for x, y in points for value in (x, y)]
