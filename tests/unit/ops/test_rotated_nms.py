import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.ops import batched_nms, batched_nms_rotated, nms_rotated
from strategies.boxes import box_tensors
from strategies.polygons import iou
from strategies.rotated_boxes import lay_flat, rotated_box_tensors

TWINS = torch.tensor(
    [[5.0, 5.0, 10.0, 4.0, 30.0], [5.0, 5.0, 9.0, 4.0, 33.0], [50.0, 50.0, 10.0, 10.0, 0.0]]
)
SCORES = torch.tensor([0.5, 0.9, 0.1])


def suppress_by_hand(rows, scores, groups, threshold):
    kept = []
    for index in scores.argsort(descending=True).tolist():
        rivals = [best for best in kept if groups[best] == groups[index]]
        if all(iou(rows[best], rows[index]) <= threshold for best in rivals):
            kept.append(index)
    return kept


def test_the_worse_of_two_boxes_goes():
    assert nms_rotated(TWINS, SCORES, 0.5).tolist() == [1, 2]


def test_boxes_of_other_groups_stay():
    assert batched_nms_rotated(TWINS, SCORES, torch.tensor([0, 1, 0]), 0.5).tolist() == [1, 0, 2]


def test_a_crossed_box_is_another_one():
    cross = torch.tensor([[5.0, 5.0, 20.0, 2.0, 45.0], [5.0, 5.0, 20.0, 2.0, -45.0]])
    assert nms_rotated(cross, torch.tensor([0.9, 0.8]), 0.1).tolist() == [0, 1]


def test_half_a_turn_makes_no_other_box():
    turned = torch.tensor([[5.0, 5.0, 20.0, 2.0, 45.0], [5.0, 5.0, 20.0, 2.0, 225.0]])
    assert nms_rotated(turned, torch.tensor([0.8, 0.9]), 0.9).tolist() == [1]


def test_a_box_that_went_suppresses_nothing():
    row = [[x, 5.0, 10.0, 10.0, 0.0] for x in (0.0, 4.0, 8.0)]
    assert nms_rotated(torch.tensor(row), torch.tensor([0.9, 0.8, 0.7]), 0.4).tolist() == [0, 2]


def test_no_boxes_keep_none():
    kept = nms_rotated(torch.zeros(0, 5), torch.zeros(0), 0.5)
    assert kept.tolist() == []
    assert kept.dtype == torch.int64


def test_half_precision_is_taken():
    assert nms_rotated(TWINS.half(), SCORES.half(), 0.5).tolist() == [1, 2]


@given(rotated_box_tensors(max_size=6), st.floats(0.1, 0.9), st.data())
def test_it_is_greedy_within_each_group(rows, threshold, data):
    rows = rows.double()
    scores = torch.rand(len(rows))
    groups = torch.tensor([data.draw(st.integers(0, 1)) for _ in rows], dtype=torch.long)
    kept = batched_nms_rotated(rows, scores, groups, threshold)
    assert kept.tolist() == suppress_by_hand(rows, scores, groups, threshold)


@given(box_tensors(), st.floats(0.1, 0.9))
def test_flat_boxes_are_kept_as_axis_aligned_ones(rows, threshold):
    rows = rows.round()  # so that rounding decides nothing
    rows[:, 2:] += 1
    scores, groups = torch.rand(len(rows)), torch.arange(len(rows)) % 2
    threshold += 1e-4 * 2**0.5
    kept = batched_nms_rotated(lay_flat(rows), scores, groups, threshold)
    assert kept.tolist() == batched_nms(rows, scores, groups, threshold).tolist()


@given(rotated_box_tensors(min_size=2), st.floats(0.1, 0.9), st.randoms())
def test_the_order_of_the_boxes_does_not_matter(rows, threshold, random):
    scores = torch.linspace(0, 1, len(rows))
    order = torch.tensor(random.sample(range(len(rows)), len(rows)))
    kept = nms_rotated(rows, scores, threshold)
    assert order[nms_rotated(rows[order], scores[order], threshold)].tolist() == kept.tolist()


def test_many_flat_boxes_are_kept_as_axis_aligned_ones():
    corners = torch.rand(1500, 2) * 300
    boxes = torch.cat((corners, corners + 5 + torch.rand(1500, 2) * 50), dim=1)
    scores, groups = torch.rand(1500), torch.randint(0, 4, (1500,))
    kept = batched_nms_rotated(lay_flat(boxes), scores, groups, 0.5)
    assert kept.tolist() == batched_nms(boxes, scores, groups, 0.5).tolist()
