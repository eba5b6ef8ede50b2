"""What is left of a polygon covers what it covered, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.structures import measure_polygon
from composer.structures.polygon_clipping import clip_polygon

coordinates = st.integers(-6, 16).map(float)
polygons = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=9).map(
    lambda corners: np.array(corners).reshape(-1)
)


def count_crossings(polygon, points):
    """How often the outline crosses the ray from each point to the right."""
    corners = polygon.reshape(-1, 2)
    crossings = np.zeros(len(points), dtype=int)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        spans = (y1 <= points[:, 1]) != (y2 <= points[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            x = x1 + (points[:, 1] - y1) / (y2 - y1) * (x2 - x1)
        crossings += spans & (points[:, 0] < x)
    return crossings


POINTS = np.random.default_rng(0).uniform((0, 0), (10, 8), (400, 2))


@given(polygons)
def test_inside_the_rectangle_the_parts_cover_what_the_polygon_covers(polygon):
    parts = clip_polygon(polygon, 10, 8)
    covered = sum((count_crossings(part, POINTS) for part in parts), np.zeros(len(POINTS), int))
    np.testing.assert_array_equal(covered % 2, count_crossings(polygon, POINTS) % 2)


@given(polygons)
def test_parts_are_polygons_inside_the_rectangle(polygon):
    for part in clip_polygon(polygon, 10, 8):
        assert part.size >= 6
        corners = part.reshape(-1, 2)
        assert (corners >= -1e-12).all()
        assert (corners <= (10 + 1e-12, 8 + 1e-12)).all()


def test_a_polygon_inside_is_left_as_it_is():
    polygon = np.array([1.0, 1.0, 5.0, 2.0, 3.0, 7.0])
    (part,) = clip_polygon(polygon, 10, 8)
    assert part is polygon


def test_a_polygon_outside_leaves_nothing():
    assert clip_polygon(np.array([11.0, 1.0, 15.0, 2.0, 13.0, 7.0]), 10, 8) == []


def test_a_polygon_that_only_touches_the_border_leaves_nothing():
    assert clip_polygon(np.array([10.0, 1.0, 15.0, 2.0, 10.0, 7.0]), 10, 8) == []


def test_two_prongs_become_two_parts_without_a_bridge():
    # A U that stands with its base outside, below the rectangle.
    prongs = np.array([1.0, 2, 3, 2, 3, 9, 7, 9, 7, 2, 9, 2, 9, 12, 1, 12])
    parts = sorted(clip_polygon(prongs, 10, 8), key=lambda part: part[0::2].min())
    extents = [(part[0::2].min(), part[0::2].max()) for part in parts]
    assert extents == [(1, 3), (7, 9)]
    assert [measure_polygon(part) for part in parts] == [12, 12]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_direction_of_the_outline_does_not_matter(reverse):
    corners = np.array([[5.0, -4], [13, 4], [5, 12], [-3, 4]])  # |x - 5| + |y - 4| <= 8
    polygon = (corners[::-1] if reverse else corners).reshape(-1)
    # Of each corner of the rectangle, a triangle with legs of 5 + 4 - 8 is left out.
    assert sum(map(measure_polygon, clip_polygon(polygon, 10, 8))) == pytest.approx(80 - 4 * 0.5)
