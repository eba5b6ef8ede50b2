"""Masks, crops and overlaps of impossible sizes are refused before memory is reserved."""

import numpy as np
import pytest
import torch

from composer import memory
from composer.structures import (
    BitMasks,
    Boxes,
    PolygonMasks,
    ROIMasks,
    RotatedBoxes,
    pairwise_intersection_rotated,
)

TRIANGLE = [0.0, 0.0, 5.0, 5.0, 9.0, 0.0]


@pytest.fixture(autouse=True)
def little_memory(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 2**30)


def crop(box, size=4):
    return BitMasks(torch.ones(1, 9, 9)).crop_and_resize(torch.tensor([box]), size)


def crop_polygons(box, size=28):
    return PolygonMasks([[TRIANGLE]]).crop_and_resize(torch.tensor([box]), size)


@pytest.mark.parametrize("side", [1e4, 1e5, 1e9, 1e30])
def test_a_giant_box_of_a_bit_mask_is_refused(side):
    with pytest.raises(MemoryError, match=r"Sampling a box of .* pixels \(height x width\) would"):
        crop([0.0, 0.0, side, side])


@pytest.mark.parametrize("box", [[0.0, 0.0, float("nan"), 5.0], [0.0, 0.0, 1000.0, 1.0]])
def test_other_boxes_of_a_bit_mask_are_cropped(box):
    assert crop(box).shape == (1, 4, 4)


@pytest.mark.parametrize("cut", [crop, crop_polygons])
def test_crops_of_a_giant_size_are_refused(cut):
    with pytest.raises(MemoryError, match="1 crops of 1000000 x 1000000 pixels would take"):
        cut([0.0, 0.0, 9.0, 9.0], 1_000_000)


def test_many_masks_of_a_large_image_are_refused():
    with pytest.raises(MemoryError, match="500 masks of 12000 x 12000 pixels would take"):
        BitMasks.from_polygon_masks([[np.array(TRIANGLE)]] * 500, 12_000, 12_000)
    boxes = Boxes(torch.tensor([[0.0, 0.0, 9.0, 9.0]] * 500))
    with pytest.raises(MemoryError, match="500 masks of 12000 x 12000 pixels would take"):
        ROIMasks(torch.ones(500, 28, 28)).paste(boxes, (12_000, 12_000))


@pytest.mark.parametrize("reach", [1e3, 1e9, 3e38])
def test_a_mask_is_pasted_within_the_image_only(reach):
    boxes = Boxes(torch.tensor([[-reach, -reach, reach, reach]]))
    assert ROIMasks(torch.ones(1, 28, 28)).paste(boxes, (30, 20)).all()


def test_a_box_beside_the_image_has_an_empty_mask():
    boxes = Boxes(torch.tensor([[1e9, 0.0, 2e9, 5.0], [-90.0, -90.0, -60.0, -60.0]]))
    assert not ROIMasks(torch.ones(2, 28, 28)).paste(boxes, (30, 20)).any()


def test_more_overlaps_of_rotated_boxes_than_memory_are_refused():
    boxes = RotatedBoxes(torch.rand(20_000, 5))
    with pytest.raises(MemoryError, match=r"20000 x 20000 overlaps would take 1\.5 GiB"):
        pairwise_intersection_rotated(boxes, boxes)
