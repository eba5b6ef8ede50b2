"""Differences of two values."""

import math

import pytest
import torch

from composer.comparison import compare_values
from composer.structures import Boxes, ImageList, Instances, PanopticSegmentation


def test_the_largest_difference_is_relative_to_the_largest_number_of_its_tensor():
    one = {"p2": torch.tensor([[-4.0, 1.0]]), "p3": torch.tensor([[100.0, 0.0]])}
    other = {"p2": torch.tensor([[-4.0, 1.5]]), "p3": torch.tensor([[101.0, 0.0]])}
    found = compare_values(one, other)
    assert (found.largest, found.relative, found.where) == (1.0, 0.125, "p2[0, 1]")


@pytest.mark.parametrize(
    ("one", "other", "relative"),
    [
        ([0.0, 0.0], [0.0, 0.5], 0.5),
        ([math.nan, 1.0], [math.nan, 1.0], 0.0),
        ([math.inf, 1.0], [math.inf, 1.0], 0.0),
        ([1.0, 1.0], [1.0, math.nan], math.inf),
        ([], [], 0.0),
    ],
)
def test_numbers_that_are_none_are_equal_to_themselves_only(one, other, relative):
    assert compare_values(torch.tensor(one), torch.tensor(other)).relative == relative


def test_of_classes_and_masks_the_share_of_entries_counts():
    one = torch.tensor([100_000, 1, 2, 3])
    assert compare_values(one, one + torch.tensor([1, 0, 0, 0])).relative == 0.25
    mask = torch.tensor([True, False])
    assert compare_values(mask, ~mask).relative == 1.0


def test_pixels_are_numbers():
    one = torch.tensor([200, 100], dtype=torch.uint8)
    assert compare_values(one, one + torch.tensor([1, 0], dtype=torch.uint8)).relative == 0.005


def test_a_type_of_numbers_is_no_difference():
    assert compare_values(torch.ones(2), torch.ones(2, dtype=torch.bfloat16)).is_exact


def test_other_numbers_of_regions_are_counted_once_for_all_fields_and_images():
    def instances(count):
        boxes = Boxes(torch.tensor([[0.0, 0, 1, 1]]).expand(count, 4))
        return Instances((9, 9), pred_boxes=boxes, scores=torch.ones(count))

    found = compare_values([instances(2), instances(3)], [instances(2), instances(1)])
    assert found.rows == (5, 3)
    assert not found.is_within(1.0)
    assert compare_values(torch.ones(4, 7), torch.ones(3, 7)).rows == (4, 3)


def test_other_shapes_levels_and_kinds_are_said():
    found = compare_values({"p2": torch.ones(1, 2)}, {"p2": torch.ones(1, 3)})
    assert found.remark == "p2: 1x2 and 1x3"
    found = compare_values({"p2": torch.ones(1), "p6": torch.ones(1)}, {"p2": torch.ones(1)})
    assert found.remark == "p6 is in the first only"
    found = compare_values(torch.ones(1), None)
    assert not found.is_within(1.0)
    assert str(found)


def test_sizes_of_images_count():
    one = ImageList(torch.ones(1, 3, 4, 4), [(4, 4)])
    other = ImageList(torch.ones(1, 3, 4, 4), [(4, 3)])
    assert compare_values(one, one).is_exact
    assert not compare_values(one, other).is_within(0.01)


def test_segments_of_an_image_count():
    ids = torch.zeros(2, 2, dtype=torch.int32)
    one = PanopticSegmentation(ids, [{"id": 1, "category_id": 3, "isthing": True}])
    other = PanopticSegmentation(ids, [{"id": 1, "category_id": 4, "isthing": True}])
    assert compare_values([one], [one]).is_exact
    found = compare_values([one], [other])
    assert found.where == "[0].segments_info[0].category_id"


def test_texts_are_equal_or_not():
    assert compare_values({"file": "a"}, {"file": "a"}).is_exact
    assert compare_values({"file": "a"}, {"file": "b"}).remark == "file: 'a' and 'b'"
