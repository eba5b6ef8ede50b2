import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.structures import PolygonMasks

TRIANGLE = [0.0, 0.0, 4.0, 0.0, 0.0, 3.0]
SQUARE = [10.0, 10.0, 12.0, 10.0, 12.0, 12.0, 10.0, 12.0]


@pytest.fixture
def masks():
    return PolygonMasks([[TRIANGLE], [TRIANGLE, np.array(SQUARE)], []])


def test_area_adds_the_parts(masks):
    assert masks.area().tolist() == [6.0, 10.0, 0.0]
    assert masks.nonempty().tolist() == [True, True, False]


def test_bounding_boxes_enclose_all_parts(masks):
    expected = [[0.0, 0.0, 4.0, 3.0], [0.0, 0.0, 12.0, 12.0], [0.0, 0.0, 0.0, 0.0]]
    assert masks.get_bounding_boxes().tensor.tolist() == expected


def test_polygons_are_kept_as_copies_in_double_precision():
    polygon = np.array(SQUARE, dtype=np.float32)
    masks = PolygonMasks([[polygon], [torch.tensor(SQUARE)]])
    polygon[0] = -1
    assert masks.polygons[0][0].tolist() == SQUARE
    assert all(part.dtype == np.float64 for parts in masks for part in parts)


@pytest.mark.parametrize(
    ("instances", "message"),
    [
        ([[TRIANGLE], [[0.0, 0.0, 1.0, 1.0]]], "Instance 1, polygon 0"),
        ([[TRIANGLE, [0.0] * 7]], "Instance 0, polygon 1"),
        ([[[TRIANGLE]]], "three corners"),
        ([[[0.0, 0.0, 1.0, 1.0, float("nan"), 1.0]]], "not finite"),
    ],
)
def test_a_bad_polygon_is_refused_with_its_place(instances, message):
    with pytest.raises(ValueError, match=message):
        PolygonMasks(instances)


@pytest.mark.parametrize("instances", [torch.zeros(1, 6), "polygon", [np.zeros((1, 6))], [3]])
def test_what_is_no_list_of_lists_is_refused(instances):
    with pytest.raises(TypeError):
        PolygonMasks(instances)


def test_a_crop_to_the_square_itself_is_full():
    crops = PolygonMasks([[SQUARE]]).crop_and_resize(torch.tensor([[10.0, 10.0, 12.0, 12.0]]), 5)
    assert crops.shape == (1, 5, 5)
    assert crops.all()


def test_a_crop_covers_what_lies_inside_the_box():
    crops = PolygonMasks([[SQUARE]]).crop_and_resize(torch.tensor([[8.0, 10.0, 12.0, 12.0]]), 4)
    assert crops[0].int().tolist() == [[0, 0, 1, 1]] * 4


@pytest.mark.parametrize("box", [[50.0, 50.0, 60.0, 60.0], [10.0, 10.0, 10.0, 10.0]])
def test_a_box_beside_the_object_or_without_area_has_a_crop(box):
    crops = PolygonMasks([[TRIANGLE], []]).crop_and_resize(torch.tensor([box, box]), 4)
    assert crops.shape == (2, 4, 4)
    assert not crops.any()


@given(st.floats(0.25, 8), st.floats(-64, 64), st.floats(-64, 64))
def test_crops_do_not_change_when_box_and_object_move_and_grow_together(scale, x, y):
    box = torch.tensor([[1.0, 0.0, 5.0, 3.0]], dtype=torch.float64)
    polygon = np.array(TRIANGLE).reshape(-1, 2) * scale + (x, y)
    moved_box = box * scale + torch.tensor([x, y, x, y], dtype=torch.float64)
    expected = PolygonMasks([[TRIANGLE]]).crop_and_resize(box, 14)
    moved = PolygonMasks([[polygon.reshape(-1)]]).crop_and_resize(moved_box, 14)
    # Corners that fall on a cell's border may round to either side of it.
    assert (moved != expected).sum() <= 3


def test_each_mask_needs_a_box(masks):
    with pytest.raises(ValueError, match="1 boxes for 3 masks"):
        masks.crop_and_resize(torch.zeros(1, 4), 4)


def test_it_is_indexed_joined_and_described(masks):
    assert masks[torch.tensor([True, False, True])].area().tolist() == [6.0, 0.0]
    assert masks[-1].nonempty().tolist() == [False]
    assert masks[[1, 0]].area().tolist() == [10.0, 6.0]
    assert PolygonMasks.cat([masks[0], masks[1:]]).area().tolist() == [6.0, 10.0, 0.0]
    assert len(PolygonMasks.cat([])) == 0
    assert masks.to("meta") is masks
    assert masks.device == torch.device("cpu")
    assert list(masks.tensors()) == []
    assert masks.map_tensors(torch.neg) is masks
    assert masks.summary() == "3 polygon masks"
    assert masks[:1].summary() == "1 polygon mask"
    assert repr(masks) == "PolygonMasks(num_instances=3)"
