import math

import pytest
import torch
from hypothesis import given

from composer.ops import encode_boxes, sum_box_loss, sum_overlap_loss
from strategies.boxes import box_pairs

KINDS = ["smooth_l1", "giou", "diou", "ciou"]
OVERLAP_KINDS = KINDS[1:]
WEIGHTS = (10.0, 10.0, 5.0, 5.0)
ONES = (1.0, 1.0, 1.0, 1.0)
LEFT = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
RIGHT = torch.tensor([[2.0, 0.0, 4.0, 2.0]])
WIDE = torch.tensor([[0.0, 0.0, 4.0, 1.0]])


@given(box_pairs())
def test_offsets_that_lead_to_the_target_have_no_loss(pair):
    sources, targets = (rows.double() for rows in pair)
    near = sources + (targets - sources) * 0.01  # far ones meet the limit of growth
    deltas = encode_boxes(sources, near, WEIGHTS)
    for kind in KINDS:
        loss = sum_box_loss(deltas, sources, near, WEIGHTS, kind=kind)
        assert loss.item() == pytest.approx(0, abs=1e-5)


def test_without_beta_smooth_l1_is_the_sum_of_differences():
    deltas = torch.tensor([[1.0, -2.0, 0.5, 0.0]])
    assert sum_box_loss(deltas, LEFT, LEFT, ONES).item() == 3.5


def test_beta_is_where_smooth_l1_starts_to_be_linear():
    deltas = torch.tensor([[1.0, -2.0, 0.5, 0.0]])
    loss = sum_box_loss(deltas, LEFT, LEFT, ONES, smooth_l1_beta=1.0)
    assert loss.item() == 0.5 + 1.5 + 0.125


def test_generalised_loss_counts_the_gap_in_the_box_around_both():
    far = torch.tensor([[6.0, 0.0, 8.0, 2.0]])
    assert sum_overlap_loss(LEFT, RIGHT, "giou").item() == pytest.approx(1)
    assert sum_overlap_loss(LEFT, far, "giou").item() == pytest.approx(1 + 8 / 16)


def test_distance_loss_counts_how_far_the_centres_are_by_the_diagonal_around_both():
    assert sum_overlap_loss(LEFT, RIGHT, "diou").item() == pytest.approx(1 + 4 / 20)


def test_complete_loss_counts_the_aspect_ratio_as_well():
    iou = 2 / 6
    distance = (1 + 0.25) / (16 + 4)
    ratio = 4 / math.pi**2 * (math.atan(1) - math.atan(4)) ** 2
    expected = 1 - iou + distance + ratio**2 / (1 - iou + ratio)
    assert sum_overlap_loss(LEFT, WIDE, "ciou").item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_losses_of_several_boxes_are_added(kind):
    deltas, sources = torch.randn(3, 4), torch.cat((LEFT, RIGHT, WIDE))
    targets = torch.cat((RIGHT, RIGHT, LEFT))
    rows = [
        sum_box_loss(*(part[i : i + 1] for part in (deltas, sources, targets)), ONES, kind=kind)
        for i in range(3)
    ]
    whole = sum_box_loss(deltas, sources, targets, ONES, kind=kind)
    torch.testing.assert_close(whole, torch.stack(rows).sum())


@pytest.mark.parametrize("kind", KINDS)
def test_no_boxes_have_a_loss_of_zero_with_a_gradient(kind):
    deltas = torch.zeros(0, 4, requires_grad=True)
    loss = sum_box_loss(deltas, torch.zeros(0, 4), torch.zeros(0, 4), ONES, kind=kind)
    loss.backward()
    assert loss.item() == 0
    assert deltas.grad.shape == (0, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_boxes_apart_pull_them_together(kind):
    deltas = torch.zeros(1, 4, requires_grad=True)
    sum_box_loss(deltas, LEFT, RIGHT, ONES, kind=kind).backward()
    assert deltas.grad[0, 0] < 0


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_is_taken(kind):
    loss = sum_box_loss(torch.zeros(1, 4, dtype=torch.bfloat16), LEFT, LEFT, ONES, kind=kind)
    assert loss.item() == pytest.approx(0, abs=1e-5)
