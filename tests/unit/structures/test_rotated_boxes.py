import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.structures import Boxes, RotatedBoxes
from strategies.boxes import box_tensors
from strategies.polygons import corners_of
from strategies.rotated_boxes import lay_flat, rotated_box_tensors

TWO = torch.tensor([[5.0, 3.0, 4.0, 2.0, 0.0], [20.0, 10.0, 6.0, 8.0, 30.0]])


@pytest.mark.parametrize(
    ("angle", "corners"),
    [
        (0.0, [[3, 2], [7, 2], [7, 4], [3, 4]]),
        (90.0, [[4, 5], [4, 1], [6, 1], [6, 5]]),
        (-90.0, [[6, 1], [6, 5], [4, 5], [4, 1]]),
        (180.0, [[7, 4], [3, 4], [3, 2], [7, 2]]),
    ],
)
def test_a_positive_angle_turns_a_box_counter_clockwise(angle, corners):
    found = RotatedBoxes([[5.0, 3.0, 4.0, 2.0, angle]]).get_corners()[0]
    torch.testing.assert_close(found, torch.tensor(corners).float())


@given(rotated_box_tensors(min_size=1))
def test_corners_are_where_the_definition_puts_them(rows):
    for row, corners in zip(rows, RotatedBoxes(rows).get_corners(), strict=True):
        np.testing.assert_allclose(corners, corners_of(row), atol=1e-2, rtol=1e-4)


def test_upright_boxes_are_turned_by_nothing():
    found = RotatedBoxes.from_boxes(Boxes([[3.0, 2.0, 7.0, 4.0], [-1.0, 0.0, 0.0, 5.0]]))
    assert found.tensor.tolist() == [[5, 3, 4, 2, 0], [-0.5, 2.5, 1, 5, 0]]
    assert len(RotatedBoxes.from_boxes(Boxes([]))) == 0


@given(box_tensors())
def test_upright_boxes_bound_themselves(rows):
    boxes = Boxes(rows.double())
    turned = RotatedBoxes.from_boxes(boxes)
    assert turned.tensor.dtype == torch.float64
    torch.testing.assert_close(turned.get_bounding_boxes().tensor, boxes.tensor)
    torch.testing.assert_close(turned.area(), boxes.area())


@given(rotated_box_tensors())
def test_bounding_boxes_touch_the_outermost_corners(rows):
    boxes = RotatedBoxes(rows)
    corners = boxes.get_corners()
    expected = torch.cat((corners.amin(dim=1), corners.amax(dim=1)), dim=1)
    torch.testing.assert_close(boxes.get_bounding_boxes().tensor, expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("empty", [[], torch.zeros(0), torch.zeros(0, 5), torch.zeros(0, 4)])
def test_an_empty_tensor_of_any_shape_is_no_boxes(empty):
    boxes = RotatedBoxes(empty)
    assert boxes.tensor.shape == (0, 5)
    assert boxes.area().shape == boxes.nonempty().shape == (0,)
    assert boxes.clip((4, 5)).scale(2.0, 2.0).tensor.shape == (0, 5)
    assert boxes.get_corners().shape == (0, 4, 2)


@pytest.mark.parametrize("dtype", [torch.int64, torch.float16])
def test_other_numbers_become_single_precision(dtype):
    assert RotatedBoxes(TWO.to(dtype)).tensor.dtype == torch.float32
    assert RotatedBoxes(TWO.double()).tensor.dtype == torch.float64


@pytest.mark.parametrize("shape", [(5,), (2, 4), (1, 2, 5)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="rows of five numbers"):
        RotatedBoxes(torch.zeros(shape))


def test_areas_and_centres_do_not_depend_on_the_angle():
    boxes = RotatedBoxes(TWO)
    assert boxes.area().tolist() == [8.0, 48.0]
    assert boxes.get_centers().tolist() == [[5.0, 3.0], [20.0, 10.0]]


def test_a_box_with_a_short_side_is_empty():
    boxes = RotatedBoxes([[0.0, 0.0, 4.0, 0.0, 3.0], [0.0, 0.0, 4.0, 2.0, 3.0]])
    assert boxes.nonempty().tolist() == [False, True]
    assert boxes.nonempty(2.0).tolist() == [False, False]


@given(rotated_box_tensors())
def test_normalised_angles_are_the_same_directions(rows):
    angles = RotatedBoxes(rows).normalize_angles().tensor[:, 4]
    assert ((angles >= -180) & (angles < 180)).all()
    turns = (angles - rows[:, 4]) / 360
    torch.testing.assert_close(turns, turns.round(), atol=1e-4, rtol=0)


@given(box_tensors(), st.sampled_from([0.0, 360.0, -360.0]))
def test_flat_boxes_are_clipped_as_axis_aligned_ones(rows, angle):
    flat = lay_flat(rows)
    flat[:, 4] = angle
    clipped = RotatedBoxes(flat).clip((200, 300)).tensor
    expected = lay_flat(Boxes(rows).clip((200, 300)).tensor)
    torch.testing.assert_close(clipped, expected, rtol=1e-4, atol=1e-3)
    assert (clipped[:, 2:4] <= flat[:, 2:4]).all()


def test_turned_boxes_are_not_clipped():
    rows = torch.tensor([[0.0, 0.0, 9.0, 9.0, 1.01], [0.0, 0.0, 9.0, 9.0, 359.5]])
    clipped = RotatedBoxes(rows).clip((50, 50)).tensor
    assert clipped[0].tolist() == pytest.approx([0.0, 0.0, 9.0, 9.0, 1.01], abs=1e-4)
    assert clipped[1].tolist() == pytest.approx([2.25, 2.25, 4.5, 4.5, -0.5])
    wide = RotatedBoxes(rows).clip((50, 50), clip_angle_threshold=2.0).tensor
    assert wide[0, :4].tolist() == [2.25, 2.25, 4.5, 4.5]


@given(rotated_box_tensors(), st.floats(0.25, 4.0, width=32))
def test_one_factor_for_both_directions_keeps_the_angle(rows, factor):
    scaled = RotatedBoxes(rows).scale(factor, factor)
    torch.testing.assert_close(
        scaled.get_corners(), RotatedBoxes(rows).get_corners() * factor, rtol=1e-3, atol=0.05
    )


@given(box_tensors())
def test_flat_boxes_are_scaled_as_axis_aligned_ones(rows):
    scaled = RotatedBoxes(lay_flat(rows)).scale(0.5, 3.0).tensor
    torch.testing.assert_close(
        scaled, lay_flat(Boxes(rows).scale(0.5, 3.0).tensor), rtol=1e-4, atol=1e-3
    )


def test_two_factors_keep_the_middles_of_the_sides():
    boxes = RotatedBoxes([[0.0, 0.0, 4.0, 2.0, 90.0], [0.0, 0.0, 2.0, 2.0, 45.0]]).scale(3.0, 1.0)
    assert boxes.tensor[0].tolist() == pytest.approx([0.0, 0.0, 4.0, 6.0, 90.0])
    side, angle = 2 * math.sqrt(5), math.degrees(math.atan2(3, 1))
    assert boxes.tensor[1].tolist() == pytest.approx([0.0, 0.0, side, side, angle])


def test_a_corner_outside_makes_a_box_outside():
    boxes = RotatedBoxes([[5.0, 5.0, 8.0, 8.0, 0.0], [5.0, 5.0, 8.0, 8.0, 45.0]])
    assert boxes.inside_box((10, 10)).tolist() == [True, False]
    assert boxes.inside_box((10, 10), 1.0).tolist() == [True, True]


@pytest.mark.parametrize(
    ("index", "expected"),
    [(0, [0]), (-1, [1]), (slice(None), [0, 1]), ([1, 0], [1, 0]), ([False, True], [1])],
)
def test_indexing_gives_boxes_again(index, expected):
    assert torch.equal(RotatedBoxes(TWO)[index].tensor, TWO[expected])


def test_cat_keeps_the_order_and_takes_none_at_all():
    parts = [RotatedBoxes(TWO[:1]), RotatedBoxes([]), RotatedBoxes(TWO[1:])]
    assert torch.equal(RotatedBoxes.cat(parts).tensor, TWO)
    assert len(RotatedBoxes.cat([])) == 0


def test_methods_change_nothing():
    rows = torch.tensor([[1.0, 1.0, 9.0, 9.0, 540.0], [1.0, 1.0, 9.0, 9.0, 360.0]])
    boxes = RotatedBoxes(rows.clone())
    for method in (
        lambda: boxes.clip((5, 5)),
        boxes.normalize_angles,
        lambda: boxes.scale(2.0, 3.0),
    ):
        method()
        assert torch.equal(boxes.tensor, rows)
    boxes.clone().tensor.zero_()
    assert torch.equal(boxes.tensor, rows)


def test_boxes_move_and_show_their_tensor():
    boxes = RotatedBoxes(TWO)
    assert boxes.to("meta").device == torch.device("meta")
    assert boxes.map_tensors(lambda tensor: tensor + 1).tensor[0, 0] == 6.0
    assert [tensor is boxes.tensor for tensor in boxes.tensors()] == [True]
    assert [row.tolist() for row in boxes] == TWO.tolist()
    assert boxes.summary() == "2 rotated boxes"
    assert boxes[:1].summary() == "1 rotated box"
    assert repr(boxes).startswith("RotatedBoxes(tensor(")
