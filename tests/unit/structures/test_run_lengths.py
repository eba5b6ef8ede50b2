"""Masks survive being written as run lengths, in every form that COCO has."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from composer.structures.run_lengths import (
    compress_run_lengths,
    decode_mask,
    encode_mask,
    encode_polygons,
    encode_segmentation,
    find_mask_box,
    mask_to_text,
    measure_mask,
    read_run_lengths,
)

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=9)
SQUARE = [2.0, 1.0, 5.0, 1.0, 5.0, 5.0, 2.0, 5.0]  # 3 wide and 4 high


def count_runs(mask):
    """The uncompressed form: how many pixels are off, on, off, ... column after column."""
    counts, value = [0], False
    for pixel in mask.T.ravel().tolist():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return {"size": list(mask.shape), "counts": counts}


@given(mask=arrays.arrays(bool, SHAPES))
def test_all_forms_of_a_mask_mean_the_same_pixels(mask):
    encoded = encode_mask(mask)
    written = json.loads(json.dumps(mask_to_text(encoded)))
    for form in (encoded, written, count_runs(mask)):
        assert compress_run_lengths(form) == encoded
        np.testing.assert_array_equal(decode_mask(form), mask)


@given(mask=arrays.arrays(bool, SHAPES))
def test_compressed_runs_are_those_of_the_pixels(mask):
    assert read_run_lengths(encode_mask(mask)["counts"]) == count_runs(mask)["counts"]


def test_runs_of_large_masks_are_read():
    mask = np.zeros((1500, 1200), dtype=bool)
    mask[300:900, 500:] = True
    runs = read_run_lengths(encode_mask(mask)["counts"])
    assert runs == [500 * 1500 + 300, 600, *[900, 600] * 699, 600]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (b"5o", "end in the middle of a number"),
        (b"5p", "no character b'p'"),
        (b"5 ", "no character b' '"),
        (b"5O", "run 1 has -1 pixels"),
        (b"502N", "run 3 has -2 pixels"),
    ],
)
def test_runs_that_are_none_are_refused(counts, message):
    with pytest.raises(ValueError, match=message):
        read_run_lengths(counts)


@given(mask=arrays.arrays(bool, SHAPES))
def test_area_and_box_are_those_of_the_pixels(mask):
    encoded = encode_mask(mask)
    assert measure_mask(encoded) == mask.sum()
    rows, columns = np.nonzero(mask)
    if len(rows):
        x, y = columns.min(), rows.min()
        expected = [x, y, columns.max() + 1 - x, rows.max() + 1 - y]
    else:
        expected = [0, 0, 0, 0]
    assert find_mask_box(encoded) == expected


def test_an_object_is_the_union_of_its_polygons():
    one = np.zeros((9, 12), dtype=bool)
    one[1:5, 2:5] = True
    other = np.zeros((9, 12), dtype=bool)
    other[3:7, 4:7] = True
    moved = (np.array(SQUARE) + 2).tolist()
    np.testing.assert_array_equal(decode_mask(encode_polygons([SQUARE], 9, 12)), one)
    both = encode_polygons([SQUARE, np.array(moved)], 9, 12)
    np.testing.assert_array_equal(decode_mask(both), one | other)
    assert not decode_mask(encode_polygons([], 9, 12)).any()


def test_a_segmentation_may_be_of_any_form():
    expected = encode_polygons([SQUARE], 9, 12)
    assert encode_segmentation([SQUARE], 9, 12) == expected
    assert encode_segmentation(mask_to_text(expected), 9, 12) == expected


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"counts": b"d0"}, KeyError),
        ({"size": [4, 5]}, KeyError),
        ({"size": [4], "counts": b"d0"}, ValueError),
        ({"size": [4, 5], "counts": None}, TypeError),
        ({"size": [4, 5], "counts": ["many"]}, ValueError),
        ([SQUARE], TypeError),
    ],
)
def test_what_is_no_code_is_refused(form, error):
    with pytest.raises(error):
        compress_run_lengths(form)
