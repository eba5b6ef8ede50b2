"""Points follow pixels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.data.transforms import find_rotation, flip_horizontally, flip_vertically, warp_sample
from composer.structures import BitMasks
from unit.data.some_samples import make_sample

angles = st.floats(-180, 180)


def rotate(sample, degrees, expand=True):
    return warp_sample(
        sample, *find_rotation((sample.height, sample.width), degrees, expand=expand)
    )


def test_a_quarter_turn_is_counter_clockwise_and_exact():
    sample = make_sample(30, 40, masks="bit_masks")
    turned = rotate(sample, 90)
    assert torch.equal(turned.image, torch.rot90(sample.image, 1, (1, 2)))
    assert torch.equal(turned.bit_masks, torch.rot90(sample.bit_masks, 1, (1, 2)))
    assert torch.equal(turned.sem_seg, torch.rot90(sample.sem_seg, 1, (0, 1)))
    assert torch.allclose(turned.boxes[1], torch.tensor([10.0, 4.0, 25.0, 16.0]).double())
    assert torch.allclose(turned.keypoints[1, 0], torch.tensor([12.5, 14.5, 2.0]).double())


def test_a_half_turn_is_two_mirrors():
    sample = replace(make_sample(masks="bit_masks"), keypoint_flips=(0, 1))
    turned, mirrored = rotate(sample, 180), flip_vertically(flip_horizontally(sample))
    assert torch.equal(turned.image, mirrored.image)
    assert torch.allclose(
        turned.boxes, BitMasks(mirrored.bit_masks).get_bounding_boxes().tensor.double()
    )
    assert torch.allclose(turned.keypoints, mirrored.keypoints)


@given(angles)
def test_a_bright_spot_is_where_the_keypoint_is(degrees):
    image = torch.zeros(3, 61, 81, dtype=torch.uint8)
    image[:, 18:23, 58:63] = 255
    sample = replace(
        make_sample(),
        image=image,
        sem_seg=None,
        panoptic=None,
        keypoints=torch.tensor([[[60.5, 20.5, 2.0]]] * 2).double(),
        margin=(0, 0, 0),
    )
    turned = rotate(sample, degrees)
    weights = turned.image[0].double()
    rows, columns = torch.meshgrid(
        torch.arange(turned.height) + 0.5, torch.arange(turned.width) + 0.5, indexing="ij"
    )
    spot = torch.stack([(grid * weights).sum() / weights.sum() for grid in (columns, rows)])
    assert (spot - turned.keypoints[0, 0, :2]).abs().max() < 0.1


@given(angles, st.booleans())
def test_outlines_and_bit_masks_agree(degrees, expand):
    outlined, filled = (
        rotate(make_sample(masks=masks), degrees, expand) for masks in ("outlines", "bit_masks")
    )
    raster = BitMasks.from_polygon_masks(outlined.outlines, outlined.height, outlined.width).tensor
    assert (raster != filled.bit_masks).sum() < 150  # of 2 outlines of 110 pixels together
    visible = outlined.visible() & filled.visible()
    assert ((outlined.boxes - filled.boxes)[visible].abs() <= 2).all()


@given(angles)
def test_an_image_that_grows_keeps_every_object_whole(degrees):
    turned = rotate(make_sample(), degrees)
    x, y = turned.outlines[1][0][0::2], turned.outlines[1][0][1::2]
    area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
    assert area == pytest.approx(12 * 15, abs=1.0)  # sides are whole pixels: a hair may be lost


def test_without_masks_boxes_are_around_the_corners():
    bare = replace(make_sample(), outlines=None)
    turned = rotate(bare, 45, expand=False)
    side = (12 + 15) / np.sqrt(2)
    assert (turned.boxes[1, 2:] - turned.boxes[1, :2]).tolist() == pytest.approx([side, side])


def test_what_is_uncovered_has_the_colour_of_the_margin_and_no_label():
    turned = rotate(make_sample(), 45)
    assert turned.image[:, 0, 0].tolist() == list(turned.margin)
    assert turned.sem_seg[0, 0] == turned.ignore_label
    assert turned.panoptic[0, 0] == 0
