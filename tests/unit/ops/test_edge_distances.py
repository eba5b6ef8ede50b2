import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.ops import decode_distances, encode_distances
from strategies.boxes import box_tensors

SQUARE = torch.tensor([[0.0, 0.0, 8.0, 8.0]])
POINT = 4.0


def test_distances_are_those_from_the_centre_in_units_of_the_sides():
    target = torch.tensor([[2.0, -4.0, 12.0, 20.0]])
    assert encode_distances(SQUARE, target).tolist() == [[0.25, 1.0, 1.0, 2.0]]


def test_each_side_has_its_own_unit():
    source = torch.tensor([[0.0, 0.0, 8.0, 4.0]])
    target = torch.tensor([[0.0, 0.0, 8.0, 4.0]])
    assert encode_distances(source, target).tolist() == [[0.5, 0.5, 0.5, 0.5]]


def test_an_edge_beyond_the_centre_has_a_negative_distance():
    target = torch.tensor([[6.0, 0.0, 8.0, 8.0]])
    assert encode_distances(SQUARE, target).tolist() == [[-0.25, 0.5, 0.5, 0.5]]


@given(box_tensors(min_size=1), st.floats(-0.4, 0.4), st.floats(-0.4, 0.4))
def test_decoding_what_was_encoded_gives_the_target(rows, right, down):
    target = rows.double()
    sides = (target[:, 2:] - target[:, :2]).repeat(1, 2)
    center = (target[:, :2] + target[:, 2:]).repeat(1, 2) / 2
    inside = center + sides * torch.tensor([right, down, right, down], dtype=torch.float64)
    source = inside + torch.tensor([-POINT, -POINT, POINT, POINT], dtype=torch.float64)
    decoded = decode_distances(encode_distances(source, target), source)
    torch.testing.assert_close(decoded, target)


def test_a_box_contains_its_point_whatever_is_predicted():
    decoded = decode_distances(torch.tensor([[-1.0, 1.0, -1.0, 1.0]]), SQUARE)
    assert decoded.tolist() == [[POINT, -4.0, POINT, 12.0]]


def test_several_sets_of_distances_are_decoded_side_by_side():
    distances, boxes = torch.randn(3, 8), SQUARE.repeat(3, 1)
    decoded = decode_distances(distances, boxes)
    assert torch.equal(decoded[:, :4], decode_distances(distances[:, :4], boxes))
    assert torch.equal(decoded[:, 4:], decode_distances(distances[:, 4:], boxes))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_decoded_in_float32(dtype):
    assert decode_distances(torch.ones(1, 4, dtype=dtype), SQUARE).dtype == torch.float32


def test_no_boxes_are_decoded_to_no_boxes():
    assert decode_distances(torch.zeros(0, 4), torch.zeros(0, 4)).shape == (0, 4)
    assert encode_distances(torch.zeros(0, 4), torch.zeros(0, 4)).shape == (0, 4)


def test_gradients_flow_through_the_distances():
    distances = torch.rand(1, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda d: decode_distances(d, SQUARE.double()), distances)
