import pytest
import torch
from hypothesis import given

from composer.structures import Boxes, pairwise_intersection, pairwise_ioa, pairwise_iou
from strategies.boxes import box_tensors

LEFT = Boxes([[0.0, 0.0, 2.0, 2.0], [5.0, 5.0, 5.0, 5.0]])
RIGHT = Boxes([[1.0, 1.0, 3.0, 3.0], [0.0, 0.0, 2.0, 2.0], [2.0, 0.0, 4.0, 2.0]])


def test_intersection_is_the_shared_area():
    assert pairwise_intersection(LEFT, RIGHT).tolist() == [[1.0, 4.0, 0.0], [0.0, 0.0, 0.0]]


def test_iou_divides_by_the_union_and_is_zero_for_boxes_without_area():
    expected = torch.tensor([[1 / 7, 1.0, 0.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(pairwise_iou(LEFT, RIGHT), expected)


def test_ioa_divides_by_the_right_area():
    assert pairwise_ioa(LEFT, RIGHT)[0].tolist() == [0.25, 1.0, 0.0]


@pytest.mark.parametrize("overlap", [pairwise_intersection, pairwise_iou, pairwise_ioa])
def test_no_boxes_on_a_side_give_an_empty_matrix(overlap):
    assert overlap(Boxes([]), RIGHT).shape == (0, 3)
    assert overlap(LEFT, Boxes([])).shape == (2, 0)


@given(box_tensors(), box_tensors())
def test_iou_is_symmetric_and_between_0_and_1(left, right):
    iou = pairwise_iou(Boxes(left), Boxes(right))
    torch.testing.assert_close(iou, pairwise_iou(Boxes(right), Boxes(left)).T)
    assert ((iou >= 0) & (iou <= 1 + 1e-6)).all()


@given(box_tensors(min_size=1))
def test_a_box_overlaps_itself_wholly(rows):
    iou = pairwise_iou(Boxes(rows), Boxes(rows)).diagonal()
    torch.testing.assert_close(iou, torch.ones_like(iou))


@given(box_tensors(), box_tensors())
def test_iou_does_not_change_with_the_scale(left, right):
    iou = pairwise_iou(Boxes(left), Boxes(right))
    scaled = pairwise_iou(Boxes(left).scale(4.0, 0.5), Boxes(right).scale(4.0, 0.5))
    torch.testing.assert_close(scaled, iou)
