import math

import pytest
import torch

from composer.events import EventStorage
from composer.structures import Boxes
from composer_rpn.rpn_losses import rpn_losses

ANCHORS = [torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0], [0.0, 0.0, 5.0, 5.0]])]
MOVED = Boxes([[1.0, 0.0, 11.0, 10.0], [20.0, 0.0, 30.0, 10.0], [0.0, 0.0, 0.0, 0.0]])


def predictions(num_images=1):
    """One cell a column, one anchor a cell; all logits and offsets are zero."""
    objectness = torch.zeros(num_images, 1, 1, 3, requires_grad=True)
    deltas = torch.zeros(num_images, 4, 1, 3, requires_grad=True)
    return [objectness], [deltas]


def losses_of(*labels, boxes=MOVED, **options):
    objectness, deltas = predictions(len(labels))
    return rpn_losses(
        ANCHORS,
        objectness,
        deltas,
        [torch.tensor(one) for one in labels],
        [boxes] * len(labels),
        **{"batch_size_per_image": 2, **options},
    )


def test_losses_are_sums_over_what_counts_divided_by_what_was_to_be_drawn():
    losses = losses_of([1, 1, -1], [0, -1, -1])
    assert losses["loss_rpn_cls"].item() == pytest.approx(3 * math.log(2) / 4)
    assert losses["loss_rpn_loc"].item() == pytest.approx(0.1 / 4)


def test_losses_can_be_divided_by_what_was_drawn():
    losses = losses_of([1, 1, -1], [0, -1, -1], divide_by_drawn=True)
    assert losses["loss_rpn_cls"].item() == pytest.approx(math.log(2))
    assert losses["loss_rpn_loc"].item() == pytest.approx(0.1 / 3)
    nothing = losses_of([-1, -1, -1], divide_by_drawn=True)
    assert [loss.item() for loss in nothing.values()] == [0.0, 0.0]


def test_losses_are_weighted():
    losses = losses_of([1, 1, -1], loss_weight=2.0, bbox_reg_loss_weight=3.0)
    assert losses["loss_rpn_cls"].item() == pytest.approx(2 * 2 * math.log(2) / 2)
    assert losses["loss_rpn_loc"].item() == pytest.approx(6 * 0.1 / 2)


def test_boxes_are_compared_in_the_way_that_is_asked_for():
    smooth = losses_of([1, -1, -1], smooth_l1_beta=1.0)["loss_rpn_loc"].item()
    assert smooth == pytest.approx(0.5 * 0.1**2 / 2)
    overlap = losses_of([1, -1, -1], bbox_reg_loss_type="giou")["loss_rpn_loc"].item()
    assert overlap == pytest.approx((1 - 9 / 11) / 2)
    weighted = losses_of([1, -1, -1], box_weights=(10.0, 10.0, 5.0, 5.0))["loss_rpn_loc"].item()
    assert weighted == pytest.approx(1 / 2)


@pytest.mark.parametrize("kind", ["smooth_l1", "giou"])
def test_without_objects_gradients_are_zero_and_finite(kind):
    objectness, deltas = predictions()
    labels = [torch.tensor([0, -1, 0])]
    boxes = [Boxes(torch.zeros(3, 4))]
    losses = rpn_losses(ANCHORS, objectness, deltas, labels, boxes, bbox_reg_loss_type=kind)
    sum(losses.values()).backward()
    assert losses["loss_rpn_loc"].item() == 0
    assert not deltas[0].grad.any()
    assert objectness[0].grad.any()


def test_no_images_have_losses_of_zero():
    losses = losses_of()
    assert [loss.item() for loss in losses.values()] == [0, 0]
    sum(losses.values()).backward()


def test_counts_are_recorded_per_image():
    with EventStorage() as storage:
        losses_of([1, 1, -1], [0, 1, 0])
    assert storage.latest() == {"rpn/num_pos_anchors": (1.5, 0), "rpn/num_neg_anchors": (1.0, 0)}


def test_labels_and_predictions_must_be_of_the_same_anchors():
    with pytest.raises(ValueError, match=r"Labels of \(1, 2\) .* objectness of \(1, 3\)"):
        losses_of([1, 0])
