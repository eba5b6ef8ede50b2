import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.structures import (
    Boxes,
    RotatedBoxes,
    pairwise_intersection,
    pairwise_intersection_rotated,
    pairwise_iou,
    pairwise_iou_rotated,
)
from composer.structures import rotated_overlap as overlap
from strategies.boxes import box_tensors
from strategies.polygons import intersection_area, iou
from strategies.rotated_boxes import lay_flat, rotated_box_pairs, rotated_box_tensors


@given(rotated_box_tensors(max_size=3), rotated_box_tensors(max_size=3))
def test_the_ratio_is_that_of_clipped_polygons(left, right):
    found = pairwise_iou_rotated(RotatedBoxes(left), RotatedBoxes(right))
    expected = torch.tensor([[iou(a, b) for b in right] for a in left]).reshape(found.shape)
    torch.testing.assert_close(found, expected.float(), atol=1e-3, rtol=0)


@given(rotated_box_pairs(max_size=3))
def test_in_double_precision_the_areas_agree_closely(pair):
    left, right = (rows.double() for rows in pair)
    found = pairwise_intersection_rotated(RotatedBoxes(left), RotatedBoxes(right))
    expected = torch.tensor([[intersection_area(a, b) for b in right] for a in left])
    torch.testing.assert_close(found, expected.double(), atol=1e-6, rtol=1e-9)


@given(box_tensors(), box_tensors())
def test_flat_boxes_overlap_as_axis_aligned_ones(left, right):
    flat = RotatedBoxes(lay_flat(left)), RotatedBoxes(lay_flat(right))
    torch.testing.assert_close(
        pairwise_iou_rotated(*flat), pairwise_iou(Boxes(left), Boxes(right)), atol=1e-3, rtol=0
    )
    torch.testing.assert_close(
        pairwise_intersection_rotated(*flat),
        pairwise_intersection(Boxes(left), Boxes(right)),
        atol=0.5,
        rtol=1e-3,
    )


@given(rotated_box_tensors(min_size=1), st.sampled_from([0.0, 180.0, 360.0]))
def test_a_box_covers_itself_and_what_half_a_turn_makes_of_it(rows, turn):
    turned = rows.clone()
    turned[:, 4] += turn
    ratio = pairwise_iou_rotated(RotatedBoxes(rows), RotatedBoxes(turned)).diagonal()
    torch.testing.assert_close(ratio, torch.ones(len(rows)), atol=1e-3, rtol=0)


@given(rotated_box_tensors(min_size=1))
def test_sides_may_be_swapped_for_a_quarter_turn(rows):
    swapped = torch.cat((rows[:, :2], rows[:, [3, 2]], rows[:, 4:] + 90), dim=1)
    ratio = pairwise_iou_rotated(RotatedBoxes(rows), RotatedBoxes(swapped)).diagonal()
    torch.testing.assert_close(ratio, torch.ones(len(rows)), atol=1e-3, rtol=0)


@given(rotated_box_tensors(), rotated_box_tensors())
def test_a_ratio_is_between_0_and_1_and_the_same_from_both_sides(left, right):
    one = pairwise_iou_rotated(RotatedBoxes(left), RotatedBoxes(right))
    other = pairwise_iou_rotated(RotatedBoxes(right), RotatedBoxes(left))
    torch.testing.assert_close(one, other.T, atol=1e-3, rtol=0)
    assert ((one >= 0) & (one <= 1 + 1e-4)).all()


def test_a_square_and_the_same_one_on_its_corner_share_an_octagon():
    square = RotatedBoxes([[3.0, 4.0, 2.0, 2.0, 0.0]])
    diamond = RotatedBoxes([[3.0, 4.0, 2.0, 2.0, 45.0]])
    shared = pairwise_intersection_rotated(square, diamond).item()
    assert shared == pytest.approx(8 * (2**0.5 - 1))


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        # Reported of other implementations, which lost precision there.
        ([565.0, 565.0, 10.0, 10.0, 0.0], [565.0, 565.0, 10.0, 8.3, 0.0], 0.83),
        (
            [296.66202, 458.73883, 23.51573, 47.677, 0.087952],
            [296.66201, 458.73882, 23.51573, 47.67702, 0.087951],
            1.0,
        ),
        ([2563.7446, 1436.7902, 2174.7034, 214.095, 115.11835],) * 2 + (1.0,),
        ([160.0, 153.0, 230.0, 23.0, -37.0], [-1.1e17, 1.4e18, 1000.0, 1000.0, 1612.0], 0.0),
    ],
)
def test_hard_pairs_have_the_right_ratio(left, right, expected):
    found = pairwise_iou_rotated(RotatedBoxes([left]), RotatedBoxes([right])).item()
    assert found == pytest.approx(expected, abs=1e-5)


def test_boxes_that_touch_share_nothing():
    boxes = RotatedBoxes([[1.0, 1.0, 2.0, 2.0, 0.0]]), RotatedBoxes([[3.0, 1.0, 2.0, 2.0, 90.0]])
    assert pairwise_iou_rotated(*boxes).item() == pytest.approx(0, abs=1e-6)


def test_boxes_without_area_share_nothing():
    boxes = RotatedBoxes([[1.0, 1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 5.0, 0.0, 30.0]])
    assert pairwise_iou_rotated(boxes, boxes).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_boxes_that_are_no_numbers_share_nothing():
    boxes = RotatedBoxes([[float("nan"), 1.0, 2.0, 2.0, 0.0]])
    assert pairwise_iou_rotated(boxes, RotatedBoxes([[1.0, 1.0, 2.0, 2.0, 0.0]])).item() == 0


@pytest.mark.parametrize(("rows", "columns"), [(0, 3), (3, 0), (0, 0)])
def test_there_may_be_no_boxes(rows, columns):
    left, right = RotatedBoxes(torch.ones(rows, 5)), RotatedBoxes(torch.ones(columns, 5))
    assert pairwise_iou_rotated(left, right).shape == (rows, columns)


def test_many_pairs_give_the_same_as_few_at_a_time(monkeypatch):
    boxes = RotatedBoxes(torch.rand(40, 5) * 50)
    expected = pairwise_iou_rotated(boxes, boxes)
    monkeypatch.setattr(overlap, "_PAIRS_PER_CHUNK", 7)
    monkeypatch.setattr(overlap, "_CANDIDATES_PER_CHUNK", 100)
    torch.testing.assert_close(pairwise_iou_rotated(boxes, boxes), expected)


def test_gradients_flow_through_a_shared_area():
    left = torch.tensor([[3.0, 4.0, 2.0, 3.0, 20.0]], dtype=torch.float64, requires_grad=True)
    right = torch.tensor([[3.5, 4.2, 2.5, 1.5, -40.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(overlap.intersect_pairs, (left, right))
