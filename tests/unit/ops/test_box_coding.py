import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.ops import MAX_LOG_SCALE, decode_deltas, encode_boxes
from strategies.boxes import box_pairs, box_tensors

WEIGHTS = (10.0, 10.0, 5.0, 5.0)
ONES = (1.0, 1.0, 1.0, 1.0)
SQUARE = torch.tensor([[0.0, 0.0, 10.0, 10.0]])


@given(box_pairs())
def test_decoding_what_was_encoded_gives_the_target(pair):
    source, target = (rows.double() for rows in pair)
    deltas = encode_boxes(source, target, WEIGHTS)
    decoded = decode_deltas(deltas, source, WEIGHTS, max_log_scale=math.inf)
    torch.testing.assert_close(decoded, target, rtol=1e-9, atol=1e-7)


@given(box_tensors(min_size=1))
def test_no_offsets_leave_a_box_where_it_is(rows):
    decoded = decode_deltas(torch.zeros(len(rows), 4), rows, WEIGHTS)
    torch.testing.assert_close(decoded, rows, rtol=1e-5, atol=1e-3)


@given(box_pairs(), st.sampled_from([0.5, 2.0, 8.0]))
def test_offsets_do_not_change_with_the_scale(pair, scale):
    source, target = (rows.double() for rows in pair)
    scaled = encode_boxes(source * scale, target * scale, ONES)
    torch.testing.assert_close(scaled, encode_boxes(source, target, ONES))


def test_offsets_are_moves_of_the_centre_and_logarithms_of_growth():
    target = torch.tensor([[5.0, -10.0, 15.0, 10.0]])
    deltas = encode_boxes(SQUARE, target, WEIGHTS)
    expected = torch.tensor([[10 * 0.5, 10 * -0.5, 0.0, 5 * math.log(2)]])
    torch.testing.assert_close(deltas, expected)


def test_growth_is_cut_off_above_and_not_below():
    decoded = decode_deltas(torch.tensor([[0.0, 0.0, 50.0, -50.0]]), SQUARE, ONES)
    x1, y1, x2, y2 = decoded[0].tolist()
    assert x2 - x1 == pytest.approx(10 * math.exp(MAX_LOG_SCALE), rel=1e-5)
    assert y2 - y1 == pytest.approx(0, abs=1e-6)
    assert math.exp(MAX_LOG_SCALE) == pytest.approx(1000 / 16)


def test_several_sets_of_offsets_are_decoded_side_by_side():
    deltas = torch.randn(3, 8)
    boxes = SQUARE.repeat(3, 1)
    decoded = decode_deltas(deltas, boxes, WEIGHTS)
    assert torch.equal(decoded[:, :4], decode_deltas(deltas[:, :4], boxes, WEIGHTS))
    assert torch.equal(decoded[:, 4:], decode_deltas(deltas[:, 4:], boxes, WEIGHTS))


def test_half_precision_is_decoded_in_float32():
    decoded = decode_deltas(torch.zeros(1, 4, dtype=torch.float16), SQUARE, ONES)
    assert decoded.dtype == torch.float32


def test_no_boxes_are_decoded_to_no_boxes():
    assert decode_deltas(torch.zeros(0, 320), torch.zeros(0, 4), ONES).shape == (0, 320)
    assert encode_boxes(torch.zeros(0, 4), torch.zeros(0, 4), ONES).shape == (0, 4)


def test_gradients_flow_through_the_offsets():
    deltas = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda d: decode_deltas(d, SQUARE.double(), WEIGHTS), deltas)
