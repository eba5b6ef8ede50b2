import pytest
import torch
from hypothesis import given

from composer.structures import Boxes
from strategies.boxes import box_tensors

TWO = torch.tensor([[0.0, 0.0, 4.0, 2.0], [10.0, 10.0, 11.0, 13.0]])


def test_area_is_width_times_height():
    assert Boxes(TWO).area().tolist() == [8.0, 3.0]


def test_centers_are_x_then_y():
    assert Boxes(TWO).get_centers().tolist() == [[2.0, 1.0], [10.5, 11.5]]


@pytest.mark.parametrize("rows", [[], torch.zeros(0), torch.zeros(0, 4), torch.zeros(3, 0)])
def test_an_empty_tensor_of_any_shape_is_no_boxes(rows):
    boxes = Boxes(rows)
    assert len(boxes) == 0
    assert boxes.tensor.shape == (0, 4)


@pytest.mark.parametrize("shape", [(4,), (2, 5), (1, 2, 4)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="rows of four numbers"):
        Boxes(torch.ones(shape))


@pytest.mark.parametrize(
    ("given_dtype", "kept_dtype"),
    [
        (torch.int64, torch.float32),
        (torch.float16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_coordinates_are_at_least_float32(given_dtype, kept_dtype):
    assert Boxes(torch.ones(1, 4, dtype=given_dtype)).tensor.dtype == kept_dtype


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (0, [0]),
        (-1, [1]),
        (slice(1, None), [1]),
        (torch.tensor([1, 0, 1]), [1, 0, 1]),
        (torch.tensor([False, True]), [1]),
        ([True, False], [0]),
        ([], []),
    ],
)
def test_indexing_gives_boxes(index, rows):
    assert torch.equal(Boxes(TWO)[index].tensor, TWO[rows])


def test_iteration_yields_rows():
    assert [row.tolist() for row in Boxes(TWO)] == TWO.tolist()


@given(box_tensors())
def test_clipped_boxes_lie_within_the_image(rows):
    clipped = Boxes(rows).clip((120, 80)).tensor
    assert (clipped >= 0).all()
    assert (clipped[:, 0::2] <= 80).all()
    assert (clipped[:, 1::2] <= 120).all()


@given(box_tensors())
def test_clipping_twice_is_clipping_once(rows):
    once = Boxes(rows).clip((120, 80))
    assert torch.equal(once.clip((120, 80)).tensor, once.tensor)


@given(box_tensors())
def test_methods_leave_the_boxes_as_they_were(rows):
    before = rows.clone()
    boxes = Boxes(rows)
    boxes.clip((10, 10))
    boxes.scale(2.0, 3.0)
    boxes.map_tensors(lambda tensor: tensor + 1)
    assert torch.equal(boxes.tensor, before)


def test_scale_multiplies_x_and_y_by_their_own_factor():
    assert Boxes(TWO).scale(2.0, 0.5).tensor[1].tolist() == [20.0, 5.0, 22.0, 6.5]


def test_sides_are_width_and_height():
    assert Boxes([[1.0, 2.0, 4.0, 9.0]]).get_sides().tolist() == [[3.0, 7.0]]


def test_nonempty_wants_both_sides_above_the_threshold():
    boxes = Boxes([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 0.0], [5.0, 0.0, 4.0, 9.0]])
    assert boxes.nonempty().tolist() == [True, False, False]
    assert boxes.nonempty(2.0).tolist() == [False, False, False]


def test_inside_box_allows_a_margin():
    boxes = Boxes([[-1.0, 0.0, 5.0, 5.0], [0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 10.0, 5.0]])
    assert boxes.inside_box((10, 10)).tolist() == [False, True, False]
    assert boxes.inside_box((10, 10), 2.0).tolist() == [True, True, True]


def test_cat_keeps_the_order_and_takes_none_at_all():
    assert torch.equal(Boxes.cat([Boxes(TWO[:1]), Boxes([]), Boxes(TWO[1:])]).tensor, TWO)
    assert len(Boxes.cat([])) == 0


def test_a_clone_shares_no_memory():
    boxes = Boxes(TWO.clone())
    boxes.clone().tensor.zero_()
    assert torch.equal(boxes.tensor, TWO)


def test_boxes_move_and_show_their_tensor():
    boxes = Boxes(TWO)
    assert boxes.to("meta").device == torch.device("meta")
    assert [tensor is boxes.tensor for tensor in boxes.tensors()] == [True]
    assert boxes.summary() == "2 boxes"
    assert repr(boxes).startswith("Boxes(tensor(")
