import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra import numpy as arrays

from composer.structures import (
    BitMasks,
    Boxes,
    PolygonMasks,
    ROIMasks,
    encode_mask,
    encode_masks,
)

SQUARE = np.array([2.0, 1.0, 6.0, 1.0, 6.0, 5.0, 2.0, 5.0])


@pytest.fixture
def masks():
    tensor = torch.zeros(3, 8, 10)
    tensor[0, 1:5, 2:6] = 1
    tensor[1, 7, 9] = 5
    return BitMasks(tensor)


def test_anything_but_zero_is_foreground(masks):
    assert masks.tensor.dtype == torch.bool
    assert masks.area().tolist() == [16, 1, 0]
    assert masks.nonempty().tolist() == [True, True, False]
    assert BitMasks(np.array([[[0, 2]]])).area().tolist() == [1]


@pytest.mark.parametrize("shape", [(4,), (4, 4), (1, 1, 4, 4)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="N x H x W"):
        BitMasks(torch.zeros(shape))


def test_bounding_boxes_enclose_the_foreground(masks):
    expected = [[2.0, 1.0, 6.0, 5.0], [9.0, 7.0, 10.0, 8.0], [0.0, 0.0, 0.0, 0.0]]
    assert masks.get_bounding_boxes().tensor.tolist() == expected


@pytest.mark.parametrize("shape", [(0, 4, 4), (2, 0, 4)])
def test_masks_without_pixels_have_boxes_without_area(shape):
    boxes = BitMasks(torch.zeros(shape)).get_bounding_boxes()
    assert boxes.tensor.tolist() == [[0.0] * 4] * shape[0]


def test_polygons_fill_the_pixels_inside():
    masks = BitMasks.from_polygon_masks([[SQUARE], []], 8, 10)
    assert masks.image_size == (8, 10)
    assert masks.area().tolist() == [16, 0]
    assert masks.tensor[0, 1:5, 2:6].all()


def test_no_polygons_make_no_masks_of_the_image():
    assert BitMasks.from_polygon_masks([], 4, 5).tensor.shape == (0, 4, 5)


def test_masks_of_regions_are_pasted_into_the_image():
    regions = ROIMasks(torch.ones(1, 4, 4))
    boxes = Boxes([[2.0, 1.0, 6.0, 5.0]])
    masks = BitMasks.from_roi_masks(regions, boxes, 8, 10)
    assert torch.equal(masks.tensor, BitMasks.from_polygon_masks([[SQUARE]], 8, 10).tensor)


def test_a_crop_to_the_whole_image_at_its_size_is_the_mask(masks):
    square = BitMasks(masks.tensor[:, :, :8])
    crops = square.crop_and_resize(torch.tensor([[0.0, 0.0, 8.0, 8.0]] * 3), 8)
    assert torch.equal(crops, square.tensor)


def test_a_crop_is_resampled(masks):
    crops = masks.crop_and_resize(torch.tensor([[2.0, 1.0, 10.0, 5.0]] * 3), 4)
    assert crops[0].int().tolist() == [[1, 1, 0, 0]] * 4
    assert not crops[2].any()


def test_crops_of_no_masks_are_no_crops():
    crops = BitMasks(torch.zeros(0, 4, 4)).crop_and_resize(torch.zeros(0, 4), 7)
    assert crops.shape == (0, 7, 7)


def test_polygons_and_bits_give_nearly_the_same_crops():
    box = torch.tensor([[1.0, 0.0, 9.0, 8.0]])
    from_bits = BitMasks.from_polygon_masks([[SQUARE]], 8, 10).crop_and_resize(box, 8)
    from_polygons = PolygonMasks([[SQUARE]]).crop_and_resize(box, 8)
    assert torch.equal(from_bits, from_polygons)


def test_each_mask_needs_a_box(masks):
    with pytest.raises(ValueError, match="2 boxes for 3 masks"):
        masks.crop_and_resize(torch.zeros(2, 4), 4)


def test_it_is_indexed_joined_and_described(masks):
    assert torch.equal(masks[torch.tensor([False, True, False])].tensor, masks.tensor[1:2])
    assert len(masks[0]) == 1
    assert torch.equal(BitMasks.cat([masks[0], masks[1:]]).tensor, masks.tensor)
    assert [int(mask.sum()) for mask in masks] == [16, 1, 0]
    assert masks.summary() == "3 masks of 8x10"
    assert repr(masks) == "BitMasks(num_instances=3, image_size=(8, 10))"
    assert masks.device == torch.device("cpu")
    with pytest.raises(ValueError, match="no masks"):
        BitMasks.cat([])


@given(masks=arrays.arrays(bool, arrays.array_shapes(min_dims=3, max_dims=3, max_side=5)))
def test_many_masks_are_encoded_as_each_is(masks):
    assert encode_masks(torch.from_numpy(masks)) == [encode_mask(mask) for mask in masks]


def test_no_masks_have_no_codes():
    assert encode_masks(torch.zeros(0, 4, 5, dtype=torch.bool)) == []
