import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.ops import index_regions, split_regions
from composer.structures import Boxes, RotatedBoxes


def test_each_box_gets_the_number_of_its_image():
    boxes = [Boxes([[1.0, 2.0, 3.0, 4.0]]), Boxes([]), Boxes([[5.0, 6.0, 7.0, 8.0]] * 2)]
    regions = index_regions(boxes)
    assert regions[:, 0].tolist() == [0, 2, 2]
    assert regions[0, 1:].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("boxes", [[], [Boxes([])]])
def test_no_boxes_are_no_regions(boxes):
    assert index_regions(boxes).shape == (0, 5)


def test_rotated_boxes_get_the_number_of_their_image():
    row = [1.0, 2.0, 3.0, 4.0, 30.0]
    regions = index_regions([RotatedBoxes([]), RotatedBoxes([row])])
    assert regions.tolist() == [[1.0, *row]]
    assert index_regions([RotatedBoxes([])]).shape == (0, 6)


@given(st.lists(st.integers(0, 5)))
def test_joining_what_was_split_gives_it_back(counts):
    values = torch.rand(sum(counts), 2)
    parts = split_regions(values, counts)
    assert [len(part) for part in parts] == counts
    assert torch.equal(torch.cat([values[:0], *parts]), values)


def test_counts_must_add_up():
    with pytest.raises(ValueError, match=r"3 regions cannot be split into 1 \+ 1"):
        split_regions(torch.zeros(3), [1, 1])
    with pytest.raises(ValueError, match="3 regions cannot be split into 0"):
        split_regions(torch.zeros(3), [])
