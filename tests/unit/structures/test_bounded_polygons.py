"""Polygons that reach anywhere are filled in little memory, and others to the bit as before."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from composer.structures import bound_polygons, decode_mask, rasterize_polygons, read_run_lengths


@pytest.mark.parametrize("far", [1e6, 1e9, 1e12, 1e300])
def test_a_polygon_that_reaches_far_is_filled_within_the_image(far):
    mask = rasterize_polygons([np.array([5.0, 5.0, far, 5.0, far, far, 5.0, far])], 20, 30)
    expected = np.zeros((20, 30), dtype=bool)
    expected[5:, 5:] = True
    assert (mask == expected).all()


def test_a_polygon_that_is_wholly_outside_is_empty():
    assert not rasterize_polygons([np.array([1e9, 5.0, 2e9, 5.0, 1e9, 9.0])], 20, 30).any()


def test_polygons_that_are_near_are_filled_as_pycocotools_does():
    chance = np.random.default_rng(0)
    for _ in range(50):
        polygon = chance.uniform(-300, 400, size=2 * int(chance.integers(3, 9)))
        parts = [polygon.tolist()]
        expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(parts, 20, 30)))
        assert (rasterize_polygons([polygon], 20, 30) == expected.astype(bool)).all()


def test_a_polygon_of_the_widest_numbers_is_cut():
    widest = [0, 0, 1e308, 0, -1e308, 1e308, -1e308, -1e308]
    assert rasterize_polygons([np.array(widest)], 8, 8).any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_coordinates_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match="not finite"):
        bound_polygons([[1, 2, 3, value, 5, 6]], 20, 30)


def test_an_outline_of_millions_of_pixels_is_refused():
    zigzag = np.tile([0.0, 0.0, 2000.0, 2000.0], 3000)
    with pytest.raises(ValueError, match=r"outline of an object is 1\.2e\+07 pixels long"):
        rasterize_polygons([zigzag], 2000, 2000)


def test_a_mask_of_terabytes_is_refused_before_it_is_decoded():
    side = 10**6
    with pytest.raises(ValueError, match="a mask of 1000000 x 1000000"):
        decode_mask({"size": [side, side], "counts": b"0"})


def test_runs_may_be_written_with_a_point_but_fit_into_32_bits():
    mask = decode_mask({"size": [2.0, 2.0], "counts": [1.0, 3.0]})
    assert mask.tolist() == [[False, True], [True, True]]
    with pytest.raises(ValueError, match="runs are numbers of pixels"):
        decode_mask({"size": [2, 2], "counts": [2**40]})


def test_a_run_length_of_endless_digits_is_refused():
    with pytest.raises(ValueError, match="more than 32 bits"):
        read_run_lengths(b"o" * 1_000_000 + b"0")
