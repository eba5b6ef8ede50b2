"""Rotated ground truth is the smallest box around each mask."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.data.augmentations import RandomRotation
from composer.data.mapper import Mapper, make_targets
from composer.data.rotated_targets import fit_rotated_box, make_rotated_boxes
from composer.structures import BitMasks, RotatedBoxes, pairwise_iou_rotated
from unit.data.some_samples import make_sample, write_dataset

sides = st.floats(1, 100)


@given(x=sides, y=sides, width=sides, height=sides, degrees=st.floats(-44.9, 44.9))
def test_the_corners_of_a_box_give_the_box(x, y, width, height, degrees):
    box = RotatedBoxes(torch.tensor([[x, y, width, height, degrees]], dtype=torch.float64))
    corners = box.get_corners()[0].numpy()
    inside = np.array([[x, y]])
    found = fit_rotated_box(np.concatenate((corners, inside)))
    np.testing.assert_allclose(found, [x, y, width, height, degrees], atol=1e-6)


@given(points=st.lists(st.tuples(sides, sides), min_size=1, max_size=12))
def test_all_points_are_inside_and_no_upright_box_is_smaller(points):
    points = np.array(points)
    x, y, width, height, degrees = fit_rotated_box(points)
    assert -45 <= degrees < 45
    assert width * height <= np.prod(np.ptp(points, axis=0)) + 1e-6
    turn = np.deg2rad(degrees)
    dx, dy = points[:, 0] - x, points[:, 1] - y
    assert (abs(dx * np.cos(turn) - dy * np.sin(turn)) <= width / 2 + 1e-6).all()
    assert (abs(dx * np.sin(turn) + dy * np.cos(turn)) <= height / 2 + 1e-6).all()


@pytest.mark.parametrize("masks", ["outlines", "bit_masks"])
def test_an_upright_rectangle_has_an_upright_box(masks):
    boxes = make_rotated_boxes(make_sample(masks=masks))
    assert boxes.tensor[1].tolist() == [30, 17.5, 12, 15, 0]


def test_pixels_give_nearly_the_box_of_the_outline():
    corners = RotatedBoxes([[50.0, 40.0, 60.0, 20.0, 30.0]]).get_corners().double().numpy()
    outlines = ((corners.reshape(-1),),)
    sample = replace(
        make_sample(80, 100),
        boxes=torch.zeros(1, 4, dtype=torch.float64),
        categories=torch.tensor([0]),
        outlines=outlines,
        keypoints=None,
    )
    filled = BitMasks.from_polygon_masks(outlines, 80, 100).tensor
    of_outline = make_rotated_boxes(sample)
    of_pixels = make_rotated_boxes(replace(sample, outlines=None, bit_masks=filled))
    assert of_outline.tensor[0].tolist() == pytest.approx([50, 40, 60, 20, 30], abs=1e-4)
    assert pairwise_iou_rotated(of_outline, of_pixels).item() > 0.9


def test_objects_without_masks_have_upright_boxes():
    sample = make_sample(masks="none")
    assert make_rotated_boxes(sample).tensor.tolist() == [
        [12.5, 11, 15, 14, 0],
        [30, 17.5, 12, 15, 0],
    ]
    empty = replace(make_sample(), outlines=((), ()))
    assert make_rotated_boxes(empty).tensor[0].tolist() == [12.5, 11, 15, 14, 0]


def test_an_object_without_width_has_an_upright_box():
    line = (np.array([5.0, 4.0, 20.0, 18.0, 5.0, 4.0]),)
    sample = replace(make_sample(), outlines=(line, line))
    assert make_rotated_boxes(sample).tensor[0].tolist() == [12.5, 11, 15, 14, 0]


def test_an_image_without_objects_has_no_boxes():
    nothing = make_sample().select(torch.tensor([False, False]))
    assert make_targets(nothing, rotated=True).gt_boxes.tensor.shape == (0, 5)


def test_boxes_turn_with_the_image(tmp_path):
    record = write_dataset(tmp_path, sizes=[(60, 60)])[0]  # a box of 16 x 20
    mapper = Mapper([RandomRotation(degrees=[20.0, 20.0])], rotated_boxes=True)
    boxes = mapper(record, torch.Generator().manual_seed(0))["instances"].gt_boxes
    assert isinstance(boxes, RotatedBoxes)
    assert boxes.tensor[0, 2:].tolist() == pytest.approx([16, 20, 20], abs=1e-3)
