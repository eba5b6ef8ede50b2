"""Convex polygons clipped by hand, in numpy and double precision."""

import math

import numpy as np


def corners_of(row):
    """The corners of a rotated box, from the definition of its angle."""
    x, y, width, height, angle = (float(value) for value in row)
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    flat = [(sx * width / 2, sy * height / 2) for sx, sy in signs]
    return [np.array([x + cos * u + sin * v, y + cos * v - sin * u]) for u, v in flat]


def cross(left, right):
    return left[0] * right[1] - left[1] * right[0]


def area_of(polygon):
    return 0.5 * sum(cross(polygon[i - 1], polygon[i]) for i in range(len(polygon)))


def clip(polygon, start, end):
    """What lies of a polygon on one side of a line."""
    kept = []
    for here, there in zip(polygon, [*polygon[1:], *polygon[:1]], strict=True):
        side_here, side_there = cross(end - start, here - start), cross(end - start, there - start)
        if side_here >= 0:
            kept.append(here)
        if (side_here > 0) != (side_there > 0) and side_here != side_there:
            kept.append(here + (there - here) * side_here / (side_here - side_there))
    return kept


def intersection_area(left, right):
    """The area that two rotated boxes share (Sutherland and Hodgman 1974)."""
    polygon, edges = corners_of(left), corners_of(right)
    for index in range(4):
        polygon = clip(polygon, edges[index - 1], edges[index])
    return abs(area_of(polygon)) if polygon else 0.0


def iou(left, right):
    shared = intersection_area(left, right)
    return shared / (float(left[2] * left[3]) + float(right[2] * right[3]) - shared)
