import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.ops import batched_nms
from composer.structures import Boxes, pairwise_iou
from strategies.boxes import box_tensors

TWINS = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.0], [50.0, 50.0, 60.0, 60.0]])
SCORES = torch.tensor([0.5, 0.9, 0.1])


def test_the_worse_of_two_boxes_goes():
    assert batched_nms(TWINS, SCORES, torch.zeros(3, dtype=torch.long), 0.5).tolist() == [1, 2]


def test_boxes_of_other_groups_stay():
    assert batched_nms(TWINS, SCORES, torch.tensor([0, 1, 0]), 0.5).tolist() == [1, 0, 2]


def test_overlap_at_the_threshold_is_allowed():
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.0]])
    kept = batched_nms(boxes, torch.tensor([0.9, 0.8]), torch.zeros(2, dtype=torch.long), 0.5)
    assert kept.tolist() == [0, 1]


def test_no_boxes_keep_none():
    none = batched_nms(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long), 0.5)
    assert none.tolist() == []
    assert none.dtype == torch.int64


def test_groups_stay_apart_where_boxes_reach_below_zero():
    boxes = torch.tensor([[-100.0, -100.0, 1.0, 1.0], [-99.0, -99.0, 2.0, 2.0]])
    kept = batched_nms(boxes, torch.tensor([0.9, 0.8]), torch.tensor([1, 0]), 0.1)
    assert kept.tolist() == [0, 1]


def test_half_precision_is_taken():
    kept = batched_nms(TWINS.half(), SCORES.half(), torch.zeros(3, dtype=torch.long), 0.5)
    assert kept.tolist() == [1, 2]


@given(box_tensors(min_size=1), st.floats(0.1, 0.9), st.data())
def test_what_is_kept_is_sorted_and_does_not_overlap_within_a_group(rows, threshold, data):
    scores = torch.rand(len(rows))
    groups = torch.tensor([data.draw(st.integers(0, 2)) for _ in rows])
    kept = batched_nms(rows, scores, groups, threshold)
    assert scores[kept].tolist() == sorted(scores[kept].tolist(), reverse=True)
    overlap = pairwise_iou(Boxes(rows[kept]), Boxes(rows[kept])).fill_diagonal_(0)
    same_group = groups[kept][:, None] == groups[kept][None]
    assert overlap[same_group].max() <= threshold + 1e-3


@given(box_tensors(min_size=2), st.floats(0.1, 0.9), st.randoms())
def test_the_order_of_the_boxes_does_not_matter(rows, threshold, random):
    scores = torch.linspace(0, 1, len(rows))
    groups = torch.arange(len(rows)) % 2
    order = torch.tensor(random.sample(range(len(rows)), len(rows)))
    kept = batched_nms(rows, scores, groups, threshold)
    shuffled = batched_nms(rows[order], scores[order], groups[order], threshold)
    assert order[shuffled].tolist() == kept.tolist()


def test_many_boxes_give_the_same_as_each_group_by_itself():
    corners = torch.rand(3000, 2) * 300
    boxes = torch.cat((corners, corners + 5 + torch.rand(3000, 2) * 50), dim=1)
    scores, groups = torch.rand(3000), torch.randint(0, 4, (3000,))
    kept = batched_nms(boxes, scores, groups, 0.5)
    alone = [
        members[batched_nms(boxes[members], scores[members], groups[members], 0.5)]
        for members in ((groups == group).nonzero().squeeze(1) for group in range(4))
    ]
    assert kept.sort().values.tolist() == torch.cat(alone).sort().values.tolist()
