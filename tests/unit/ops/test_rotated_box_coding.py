import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.ops import MAX_LOG_SCALE, decode_deltas, decode_rotated_deltas, encode_rotated_boxes
from composer.structures import normalize_angles
from strategies.boxes import box_tensors
from strategies.rotated_boxes import lay_flat, rotated_box_pairs, rotated_box_tensors

WEIGHTS = (10.0, 10.0, 5.0, 5.0, 1.0)
ONES = (1.0,) * 5
FLAT = torch.tensor([[5.0, 5.0, 10.0, 20.0, 0.0]])


@given(rotated_box_pairs())
def test_decoding_what_was_encoded_gives_the_target(pair):
    source, target = (rows.double() for rows in pair)
    deltas = encode_rotated_boxes(source, target, WEIGHTS)
    decoded = decode_rotated_deltas(deltas, source, WEIGHTS, max_log_scale=math.inf)
    torch.testing.assert_close(decoded[:, :4], target[:, :4], rtol=1e-9, atol=1e-7)
    turn = normalize_angles(decoded[:, 4] - target[:, 4])
    torch.testing.assert_close(turn.abs().minimum(360 - turn.abs()), turn * 0, atol=1e-6, rtol=0)


@given(rotated_box_tensors(min_size=1))
def test_no_offsets_only_normalise_the_angle(rows):
    decoded = decode_rotated_deltas(torch.zeros(len(rows), 5), rows, WEIGHTS)
    torch.testing.assert_close(decoded[:, :4], rows[:, :4])
    assert torch.equal(decoded[:, 4], normalize_angles(rows[:, 4]))


@given(box_tensors(min_size=1))
def test_without_a_turn_flat_boxes_move_as_axis_aligned_ones(rows):
    deltas = torch.randn(len(rows), 4)
    decoded = decode_rotated_deltas(
        torch.cat((deltas, torch.zeros(len(rows), 1)), dim=1), lay_flat(rows), WEIGHTS
    )
    expected = lay_flat(decode_deltas(deltas, rows, WEIGHTS[:4]))
    torch.testing.assert_close(decoded, expected, rtol=1e-4, atol=1e-2)


@given(rotated_box_pairs(), st.sampled_from([0.5, 2.0, 8.0]))
def test_offsets_do_not_change_with_the_scale(pair, scale):
    factors = torch.tensor([scale] * 4 + [1.0]).double()
    source, target = (rows.double() for rows in pair)
    torch.testing.assert_close(
        encode_rotated_boxes(source * factors, target * factors, ONES),
        encode_rotated_boxes(source, target, ONES),
    )


def test_offsets_are_moves_logarithms_of_growth_and_radians():
    target = torch.tensor([[10.0, 25.0, 20.0, 10.0, 90.0]])
    expected = [5.0, 10.0, 5 * math.log(2), 5 * math.log(0.5), math.pi / 2]
    assert encode_rotated_boxes(FLAT, target, WEIGHTS)[0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("source", "target", "turn"),
    [(170.0, -170.0, 20.0), (-170.0, 170.0, -20.0), (0.0, 540.0, -180)],
)
def test_a_turn_goes_the_short_way(source, target, turn):
    left, right = FLAT.clone(), FLAT.clone()
    left[0, 4], right[0, 4] = source, target
    found = encode_rotated_boxes(left, right, ONES)[0, 4].item()
    assert math.degrees(found) == pytest.approx(turn, abs=1e-4)


def test_growth_is_limited_and_shrinking_is_not():
    deltas = torch.tensor([[0.0, 0.0, 99.0, -99.0, 0.0]])
    decoded = decode_rotated_deltas(deltas, FLAT, ONES)[0]
    assert decoded[2].item() == pytest.approx(10 * math.exp(MAX_LOG_SCALE))
    assert decoded[3].item() == pytest.approx(0.0)


def test_several_sets_of_offsets_move_one_box_each_by_itself():
    deltas = torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, math.pi]])
    decoded = decode_rotated_deltas(deltas, FLAT, ONES).reshape(2, 5)
    assert decoded[0].tolist() == [15.0, 5.0, 10.0, 20.0, 0.0]
    assert decoded[1].tolist() == pytest.approx([5.0, 25.0, 10.0, 20.0, -180.0])


def test_there_may_be_no_boxes():
    none = torch.zeros(0, 5)
    assert decode_rotated_deltas(torch.zeros(0, 15), none, ONES).shape == (0, 15)
    assert encode_rotated_boxes(none, none, ONES).shape == (0, 5)


def test_half_precision_is_computed_in_single():
    decoded = decode_rotated_deltas(torch.zeros(1, 5).half(), FLAT, ONES)
    assert decoded.dtype == torch.float32
