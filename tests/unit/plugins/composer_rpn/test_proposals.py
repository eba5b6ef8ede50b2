import pytest
import torch

from composer.structures import ImageList
from composer_rpn.proposals import Proposals

INFINITY, NAN = float("inf"), float("nan")


def images_of(*sizes):
    return ImageList(torch.zeros(len(sizes), 3, 64, 64), list(sizes))


def one_level(boxes, logits, num_images=1):
    """One cell a column, one anchor a cell, no offsets."""
    anchors = [torch.tensor(boxes).reshape(-1, 4)]
    objectness = torch.tensor(logits).reshape(1, 1, 1, -1).repeat(num_images, 1, 1, 1)
    deltas = torch.zeros(num_images, 4, 1, len(boxes))
    return anchors, [objectness], [deltas]


APART = [[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0], [40.0, 40.0, 50.0, 50.0]]


def propose(module, images, predictions):
    return module.eval()(images, *predictions)


def test_proposals_come_best_first():
    boxes, logits = propose(Proposals(), images_of((64, 64)), one_level(APART, [0.1, 3.0, -2.0]))
    assert boxes[0].tensor.tolist() == [APART[1], APART[0], APART[2]]
    assert logits[0].tolist() == pytest.approx([3.0, 0.1, -2.0])


def test_offsets_move_the_anchors():
    anchors, objectness, deltas = one_level(APART, [1.0, 0.0, -1.0])
    deltas[0][0, :, 0, 0] = torch.tensor([0.5, 1.0, 0.0, 0.0])
    boxes, _ = propose(Proposals(), images_of((64, 64)), (anchors, objectness, deltas))
    assert boxes[0].tensor[0].tolist() == [5.0, 10.0, 15.0, 20.0]


def test_each_image_is_clipped_to_its_own_size():
    images = images_of((64, 64), (25, 22))
    boxes, _ = propose(Proposals(), images, one_level(APART, [0.0, 1.0, 2.0], num_images=2))
    assert len(boxes[0]) == 3
    assert boxes[1].tensor.tolist() == [[20.0, 20.0, 22.0, 25.0], APART[0]]


def test_boxes_of_one_level_suppress_each_other_and_those_of_two_do_not():
    twins = [[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.0]]
    one = one_level(twins, [1.0, 2.0])
    boxes, _ = propose(Proposals(nms_threshold=0.7), images_of((64, 64)), one)
    assert boxes[0].tensor.tolist() == [twins[1]]
    two = tuple(
        left + right
        for left, right in zip(
            one_level(twins[:1], [1.0]), one_level(twins[1:], [2.0]), strict=True
        )
    )
    boxes, _ = propose(Proposals(nms_threshold=0.7), images_of((64, 64)), two)
    assert boxes[0].tensor.tolist() == [twins[1], twins[0]]


@pytest.mark.parametrize(
    ("training", "pre", "post"), [(True, 2, 5), (False, 3, 5), (True, 9, 1), (False, 9, 2)]
)
def test_training_and_inference_have_their_own_limits(training, pre, post):
    other = 1_000_000
    module = Proposals(
        pre_nms_topk_training=pre if training else other,
        pre_nms_topk_inference=other if training else pre,
        post_nms_topk_training=post if training else other,
        post_nms_topk_inference=other if training else post,
    ).train(training)
    boxes, logits = module(images_of((64, 64)), *one_level(APART, [1.0, 2.0, 3.0]))
    assert len(boxes[0]) == len(logits[0]) == min(pre, post, 3)


def test_the_limit_before_suppression_is_one_of_each_level():
    left, right = one_level(APART, [1.0, 2.0, 3.0]), one_level(APART, [4.0, 5.0, 6.0])
    predictions = tuple(a + b for a, b in zip(left, right, strict=True))
    module = Proposals(pre_nms_topk_inference=1)
    _, logits = propose(module, images_of((64, 64)), predictions)
    assert logits[0].tolist() == [6.0, 3.0]


def test_small_boxes_are_dropped():
    boxes = [[0.0, 0.0, 10.0, 0.0], [0.0, 0.0, 3.0, 10.0], [20.0, 20.0, 30.0, 30.0]]
    module = Proposals(min_box_size=4.0)
    kept, _ = propose(module, images_of((64, 64)), one_level(boxes, [3.0, 2.0, 1.0]))
    assert kept[0].tensor.tolist() == [boxes[2]]


@pytest.mark.parametrize("bad", [NAN, INFINITY, -INFINITY])
def test_what_is_not_finite_is_dropped_in_inference(bad):
    anchors, objectness, deltas = one_level(APART, [bad, 2.0, 1.0])
    deltas[0][0, 0, 0, 1] = bad
    boxes, logits = propose(Proposals(), images_of((64, 64)), (anchors, objectness, deltas))
    assert boxes[0].tensor.tolist() == [APART[2]]
    assert logits[0].tolist() == [1.0]


def test_what_is_not_finite_stops_training():
    with pytest.raises(FloatingPointError, match="diverged"):
        Proposals()(images_of((64, 64)), *one_level(APART, [NAN, 1.0, 2.0]))


def test_an_image_may_have_no_proposals():
    boxes, logits = propose(Proposals(), images_of((64, 64)), one_level(APART, [NAN] * 3))
    assert len(boxes[0]) == len(logits[0]) == 0


def test_no_images_have_no_proposals():
    assert propose(Proposals(), images_of(), one_level(APART, [0.0] * 3, 0)) == ([], [])


def test_an_image_of_one_pixel_has_proposals_of_at_most_that():
    boxes, _ = propose(Proposals(), images_of((1, 1)), one_level(APART, [0.0] * 3))
    assert boxes[0].tensor.tolist() == [[0.0, 0.0, 1.0, 1.0]]


def test_gradients_do_not_flow_through_proposals():
    anchors, objectness, deltas = one_level(APART, [1.0, 2.0, 3.0])
    objectness[0].requires_grad_()
    boxes, logits = Proposals()(images_of((64, 64)), anchors, objectness, deltas)
    assert not boxes[0].tensor.requires_grad
    assert not logits[0].requires_grad


def test_as_many_predictions_as_anchors_are_needed():
    anchors, objectness, deltas = one_level(APART, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"\[2\] anchors, but \[3\] objectness .* num_anchors"):
        propose(Proposals(), images_of((64, 64)), ([anchors[0][:2]], objectness, deltas))


def test_what_it_is_given_stays_as_it_was():
    predictions = one_level(APART, [1.0, 2.0, 3.0])
    before = [part[0].clone() for part in predictions]
    propose(Proposals(), images_of((20, 20)), predictions)
    assert all(torch.equal(part[0], old) for part, old in zip(predictions, before, strict=True))
