"""Cutting out and padding move everything alike."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from composer.data.transforms import crop_sample, pad_sample
from composer.structures import BitMasks
from unit.data.some_samples import assert_same, make_sample

H, W = 30, 40


@st.composite
def windows(draw):
    top, left = draw(st.integers(0, H - 1)), draw(st.integers(0, W - 1))
    return top, left, draw(st.integers(1, H - top)), draw(st.integers(1, W - left))


@example((6, 6, 1, 2), "outlines")  # where a cut is at -2e-16
@given(windows(), st.sampled_from(["outlines", "bit_masks"]))
def test_boxes_and_outlines_end_inside_the_part(window, masks):
    part = crop_sample(make_sample(masks=masks), *window)
    assert part.image.shape[1:] == window[2:] == part.sem_seg.shape == part.panoptic.shape
    limits = torch.tensor([part.width, part.height] * 2)
    assert ((part.boxes >= 0) & (part.boxes <= limits)).all()
    for outline in part.outlines or ():
        for polygon in outline:
            assert polygon.min() >= -1e-9
            assert (polygon.reshape(-1, 2) <= (part.width + 1e-9, part.height + 1e-9)).all()


@given(windows())
def test_outlines_cover_the_pixels_that_the_masks_of_the_whole_covered(window):
    top, left, height, width = window
    part = crop_sample(make_sample(), *window)
    filled = BitMasks.from_polygon_masks(part.outlines, height, width).tensor
    whole = make_sample(masks="bit_masks").bit_masks
    expected = whole[:, top : top + height, left : left + width]
    # COCO's rasteriser rounds along outlines, and a cut makes new ones.
    assert (filled != expected).float().sum() <= 2 * (height + width)


@given(windows())
def test_pixels_labels_and_masks_are_those_of_the_window(window):
    top, left, height, width = window
    sample = make_sample(masks="bit_masks")
    part = crop_sample(sample, *window)
    rows, columns = slice(top, top + height), slice(left, left + width)
    assert torch.equal(part.image, sample.image[:, rows, columns])
    assert torch.equal(part.sem_seg, sample.sem_seg[rows, columns])
    assert torch.equal(part.bit_masks, sample.bit_masks[:, rows, columns])


@given(windows())
def test_an_object_has_a_box_if_some_of_its_mask_is_inside(window):
    part = crop_sample(make_sample(masks="bit_masks"), *window)
    boxes = BitMasks(part.bit_masks).get_bounding_boxes().tensor.double()
    sides = boxes[:, 2:] - boxes[:, :2]
    assert torch.equal(part.visible(), (sides > 0).all(dim=1))
    # The first object is a triangle, whose pixels reach less far than its outline.
    assert (part.boxes[1] - boxes[1]).abs().max() == 0


def test_an_object_that_is_not_cut_keeps_its_box():
    sample = make_sample(masks="bit_masks")
    loose = replace(sample, boxes=sample.boxes + torch.tensor([-2.0, -2.0, 2.0, 2.0]))
    part = crop_sample(loose, 2, 1, 28, 30)
    assert part.boxes[0].tolist() == [2, 0, 21, 18]  # annotated so, though it is loose
    assert part.boxes[1].tolist() == [23, 8, 30, 23]  # cut, so it is that of the mask


def test_without_masks_boxes_are_cut():
    bare = replace(make_sample(), outlines=None)
    assert crop_sample(bare, 0, 10, 12, 30).boxes.tolist() == [[0, 4, 10, 12], [14, 10, 26, 12]]


def test_keypoints_outside_are_unlabelled_even_if_the_picture_grows_again():
    part = crop_sample(make_sample(), 0, 10, 30, 20)
    grown = pad_sample(part, 0, 10, 30, 40)
    for keypoints in (part.keypoints, grown.keypoints):
        assert keypoints[..., 2].tolist() == [[0, 1], [2, 0]]
    assert part.keypoints[0, 1].tolist() == [6.5, 7.5, 1]


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_a_padded_sample_is_found_again_at_its_place(top, left, below, right):
    sample = make_sample(masks="bit_masks")
    padded = pad_sample(sample, top, left, H + top + below, W + left + right)
    assert_same(crop_sample(padded, top, left, H, W), sample)


def test_around_a_padded_sample_nothing_is_known():
    padded = pad_sample(make_sample(), 3, 2, 40, 50)
    assert padded.image[:, 0, 0].tolist() == list(padded.margin)
    assert padded.sem_seg[0, 0] == padded.ignore_label
    assert padded.panoptic[0, 0] == 0
    assert padded.boxes[1].tolist() == [26, 13, 38, 28]
    np.testing.assert_array_equal(padded.outlines[1][0], [26, 13, 38, 13, 38, 28, 26, 28])


@pytest.mark.parametrize("window", [(0, 0, 31, 40), (-1, 0, 5, 5), (0, 0, 0, 5), (20, 39, 5, 2)])
def test_a_part_that_is_none_is_refused(window):
    with pytest.raises(ValueError, match="no part of an image of 30 x 40"):
        crop_sample(make_sample(), *window)


def test_a_picture_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="does not fit into 32 x 50"):
        pad_sample(make_sample(), 3, 0, 32, 50)
