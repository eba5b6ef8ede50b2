import math

import pytest
import torch

from composer.structures import ImageList
from composer_rpn.proposals import Proposals
from strategies.rotated_boxes import lay_flat

NAN = float("nan")
APART = [[10.0, 10.0, 8.0, 4.0, 30.0], [30.0, 30.0, 8.0, 4.0, -50.0], [50.0, 50.0, 9.0, 9.0, 0.0]]


def images_of(*sizes):
    return ImageList(torch.zeros(len(sizes), 3, 64, 64), list(sizes))


def one_level(boxes, logits, num_images=1):
    """One cell a column, one anchor a cell, no offsets."""
    anchors = [torch.tensor(boxes).reshape(-1, 5)]
    objectness = torch.tensor(logits).reshape(1, 1, 1, -1).repeat(num_images, 1, 1, 1)
    return anchors, [objectness], [torch.zeros(num_images, 5, 1, len(boxes))]


def propose(predictions, *sizes, **options):
    return Proposals(**options).eval()(images_of(*sizes or [(64, 64)]), *predictions)


def test_proposals_come_best_first():
    boxes, logits = propose(one_level(APART, [0.1, 3.0, -2.0]))
    torch.testing.assert_close(boxes[0].tensor, torch.tensor([APART[1], APART[0], APART[2]]))
    assert logits[0].tolist() == pytest.approx([3.0, 0.1, -2.0])


def test_offsets_move_and_turn_the_anchors():
    anchors, objectness, deltas = one_level(APART, [1.0, 0.0, -1.0])
    deltas[0][0, :, 0, 0] = torch.tensor([0.5, 1.0, 0.0, math.log(2), math.pi / 4])
    boxes, _ = propose((anchors, objectness, deltas))
    assert boxes[0].tensor[0].tolist() == pytest.approx([14.0, 14.0, 8.0, 8.0, 75.0])


def test_flat_boxes_are_proposed_as_by_the_ordinary_rpn():
    corners = torch.rand(60, 2) * 50
    flat = torch.cat((corners, corners + 4 + torch.rand(60, 2) * 30), dim=1)
    objectness, deltas = torch.randn(2, 1, 1, 60), torch.zeros(2, 4, 1, 60)
    images = images_of((64, 64), (40, 50))
    rotated = Proposals(nms_threshold=0.3, post_nms_topk_inference=20).eval()(
        images, [lay_flat(flat)], [objectness], [torch.zeros(2, 5, 1, 60)]
    )
    expected = Proposals(nms_threshold=0.3, post_nms_topk_inference=20).eval()(
        images, [flat], [objectness], [deltas]
    )
    for found, wanted in zip(rotated.boxes, expected.boxes, strict=True):
        torch.testing.assert_close(found.tensor, lay_flat(wanted.tensor), rtol=1e-4, atol=1e-3)
    for found, wanted in zip(rotated.objectness_logits, expected.objectness_logits, strict=True):
        torch.testing.assert_close(found, wanted)


def test_only_boxes_that_lie_flat_are_clipped():
    boxes, _ = propose(
        one_level([[0.0, 0.0, 20.0, 20.0, 0.0], [0.0, 0.0, 8.0, 8.0, 45.0]], [2.0, 1.0])
    )
    assert boxes[0].tensor.tolist() == [[5.0, 5.0, 10.0, 10.0, 0.0], [0.0, 0.0, 8.0, 8.0, 45.0]]


def test_boxes_of_one_level_suppress_each_other_and_those_of_two_do_not():
    twins = [[20.0, 20.0, 10.0, 5.0, 30.0], [20.0, 20.0, 10.0, 5.0, 210.0]]
    boxes, _ = propose(one_level(twins, [1.0, 2.0]))
    assert len(boxes[0]) == 1
    two = tuple(
        left + right
        for left, right in zip(
            one_level(twins[:1], [1.0]), one_level(twins[1:], [2.0]), strict=True
        )
    )
    assert len(propose(two).boxes[0]) == 2


@pytest.mark.parametrize("training", [True, False])
def test_training_and_inference_have_their_own_limits(training):
    module = Proposals(
        pre_nms_topk_training=2,
        post_nms_topk_training=5,
        pre_nms_topk_inference=3,
        post_nms_topk_inference=1,
    ).train(training)
    boxes, _ = module(images_of((64, 64)), *one_level(APART, [1.0, 2.0, 3.0]))
    assert len(boxes[0]) == (2 if training else 1)


def test_what_is_not_finite_is_dropped_in_inference_and_stops_training():
    predictions = one_level(APART, [NAN, 2.0, 1.0])
    predictions[2][0][0, 4, 0, 1] = NAN
    boxes, logits = propose(predictions)
    assert boxes[0].tensor.tolist() == [APART[2]]
    assert logits[0].tolist() == [1.0]
    with pytest.raises(FloatingPointError, match="diverged"):
        Proposals()(images_of((64, 64)), *predictions)


def test_thin_boxes_are_dropped():
    boxes, _ = propose(one_level(APART, [1.0, 2.0, 3.0]), min_box_size=4.0)
    assert boxes[0].tensor.tolist() == [APART[2]]


def test_no_images_have_no_proposals():
    predictions = one_level(APART, [0.0] * 3, 0)
    assert Proposals().eval()(images_of(), *predictions) == ([], [])


def test_as_many_predictions_as_anchors_are_needed():
    anchors, objectness, deltas = one_level(APART, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"\[2\] anchors, but \[3\] objectness .* angles"):
        propose(([anchors[0][:2]], objectness, deltas))


def test_gradients_do_not_flow_and_what_it_is_given_stays_as_it_was():
    predictions = one_level([[0.0, 0.0, 20.0, 20.0, 360.0]], [1.0])
    before = [part[0].clone() for part in predictions]
    predictions[1][0].requires_grad_()
    boxes, logits = propose(predictions)
    assert not boxes[0].tensor.requires_grad
    assert not logits[0].requires_grad
    assert all(torch.equal(part[0], old) for part, old in zip(predictions, before, strict=True))
