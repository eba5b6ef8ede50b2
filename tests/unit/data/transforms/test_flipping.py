"""A mirror moves everything alike."""

import pytest
import torch

from composer.data.transforms import flip_horizontally, flip_vertically
from composer.structures import BitMasks
from unit.data.some_samples import assert_same, make_sample

FLIPS = [flip_horizontally, flip_vertically]


@pytest.mark.parametrize("flip", FLIPS)
@pytest.mark.parametrize("masks", ["outlines", "bit_masks"])
def test_flipping_twice_changes_nothing(flip, masks):
    sample = make_sample(masks=masks)
    assert_same(flip(flip(sample)), sample, tolerance=0)


@pytest.mark.parametrize("flip", FLIPS)
def test_masks_and_maps_follow_the_pixels(flip):
    flipped = flip(make_sample(masks="bit_masks"))
    assert (flipped.image[:, flipped.bit_masks[1]] == 255).all()
    assert (flipped.sem_seg[flipped.bit_masks[1]] == 1).all()
    assert (flipped.panoptic[flipped.bit_masks[1]] == 2).all()
    assert torch.equal(
        BitMasks(flipped.bit_masks).get_bounding_boxes().tensor[1].double(), flipped.boxes[1]
    )


def test_boxes_outlines_and_keypoints_are_mirrored_about_the_middle():
    flipped = flip_horizontally(make_sample(width=40))
    assert flipped.boxes.tolist()[0] == [20, 4, 35, 18]
    assert flipped.outlines[0][0].tolist() == [35, 4, 20, 6, 23, 18]
    assert flipped.keypoints[0].tolist() == [[23.5, 7.5, 1], [33.5, 5.5, 2]]


def test_a_vertical_mirror_swaps_left_and_right_keypoints_too():
    flipped = flip_vertically(make_sample(height=30))
    assert flipped.keypoints[0].tolist() == [[16.5, 22.5, 1], [6.5, 24.5, 2]]


def test_the_image_stays_a_view_of_rows_of_pixels():
    assert flip_horizontally(make_sample()).image.permute(1, 2, 0).is_contiguous()
