import math

import pytest
import torch

from composer.events import EventStorage
from composer.structures import Boxes
from composer.testing import check_node_type
from composer_dense.retinanet_loss import RetinaNetLoss

NUM_CLASSES = 3
ANCHORS = torch.tensor([[0.0, 0.0, 8.0, 8.0], [8.0, 0.0, 16.0, 8.0], [16.0, 0.0, 24.0, 8.0]])


def maps_of(rows):
    """One level with an anchor a row, for each image."""
    return [torch.stack([one.T[:, None] for one in rows])]


def loss_of(logits, deltas, classes, boxes, module=None):
    module = RetinaNetLoss(initial_normalizer=1.0).eval() if module is None else module
    return module([ANCHORS], maps_of(logits), maps_of(deltas), classes, boxes)


def sigmoid_focal(logit, is_there, alpha=0.25, gamma=2.0):
    p = 1 / (1 + math.exp(-logit))
    right, weight = (p, alpha) if is_there else (1 - p, 1 - alpha)
    return -weight * (1 - right) ** gamma * math.log(right)


def test_classes_that_count_have_a_focal_loss():
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, -3.0], [9.0, 9.0, 9.0]])
    classes = torch.tensor([1, NUM_CLASSES, -1])
    found = loss_of([logits], [torch.zeros(3, 4)], [classes], [Boxes(ANCHORS)])
    wanted = [[False, True, False], [False] * 3]
    expected = sum(
        sigmoid_focal(logit, is_there)
        for row, marks in zip(logits[:2].tolist(), wanted, strict=True)
        for logit, is_there in zip(row, marks, strict=True)
    )
    assert found["loss_cls"].item() == pytest.approx(expected, rel=1e-5)


def test_positive_anchors_have_a_loss_of_their_offsets():
    deltas = torch.tensor([[0.5, 0.0, 0.0, -0.25], [7.0] * 4, [7.0] * 4])
    classes = torch.tensor([1, NUM_CLASSES, -1])
    found = loss_of([torch.zeros(3, 3)], [deltas], [classes], [Boxes(ANCHORS)])
    assert found["loss_box_reg"].item() == pytest.approx(0.75)


@pytest.mark.parametrize("kind", ["giou", "diou", "ciou"])
def test_boxes_can_be_compared_by_overlap(kind):
    module = RetinaNetLoss(bbox_reg_loss_type=kind, initial_normalizer=1.0).eval()
    classes = torch.tensor([0, 0, NUM_CLASSES])
    boxes = Boxes(ANCHORS[[0, 2, 0]])  # the second is to move by its width
    found = loss_of([torch.zeros(3, 3)], [torch.zeros(3, 4)], [classes], [boxes], module)
    expected = {"giou": 1.0, "diou": 1 + 64 / (256 + 64), "ciou": 1 + 64 / (256 + 64)}
    assert found["loss_box_reg"].item() == pytest.approx(expected[kind], rel=1e-4)


def test_both_are_divided_by_the_moving_number_of_positives():
    classes = [torch.tensor([0, 1, 2]), torch.tensor([0, -1, 3])]
    deltas, logits, boxes = [torch.ones(3, 4)] * 2, [torch.zeros(3, 3)] * 2, [Boxes(ANCHORS)] * 2
    module = RetinaNetLoss().train()
    assert loss_of(logits, deltas, classes, boxes, module)["loss_box_reg"].item() == (
        pytest.approx(4 * 4 / 90.4)
    )
    assert module.loss_normalizer.value.item() == pytest.approx(90.4)


def test_the_number_of_positives_an_image_is_recorded():
    classes = [torch.tensor([0, 1, 2]), torch.tensor([0, -1, 3])]
    with EventStorage() as storage:
        loss_of([torch.zeros(3, 3)] * 2, [torch.zeros(3, 4)] * 2, classes, [Boxes(ANCHORS)] * 2)
    assert storage.latest() == {"num_pos_anchors": (2.0, 0)}


def test_without_objects_the_losses_are_finite_and_have_gradients():
    logits, deltas = torch.zeros(3, 3, requires_grad=True), torch.zeros(3, 4, requires_grad=True)
    classes = torch.full((3,), NUM_CLASSES)
    losses = loss_of([logits], [deltas], [classes], [Boxes(torch.zeros(3, 4))], RetinaNetLoss())
    assert losses["loss_box_reg"].item() == 0
    sum(losses.values()).backward()
    assert logits.grad.abs().sum() > 0
    assert not deltas.grad.any()


def test_half_precision_is_summed_up_in_float32():
    logits = torch.full((3, NUM_CLASSES), 300.0, dtype=torch.float16)
    classes = torch.tensor([NUM_CLASSES] * 3)
    deltas = torch.zeros(3, 4, dtype=torch.float16)
    module = RetinaNetLoss(focal_loss_gamma=0.0, initial_normalizer=1.0).eval()
    with torch.no_grad():
        loss = loss_of([logits], [deltas], [classes], [Boxes(ANCHORS)], module)["loss_cls"]
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(9 * 0.75 * 300)


def test_no_images_have_no_losses():
    losses = RetinaNetLoss()(
        [ANCHORS], [torch.zeros(0, 3, 1, 3)], [torch.zeros(0, 4, 1, 3)], [], []
    )
    assert [loss.item() for loss in losses.values()] == [0, 0]


@pytest.mark.parametrize("classes", [[], [torch.zeros(2, dtype=torch.long)]])
def test_targets_of_other_anchors_or_images_are_refused(classes):
    with pytest.raises(ValueError, match="3 anchors of 1 images, but targets for"):
        loss_of([torch.zeros(3, 3)], [torch.zeros(3, 4)], classes, [Boxes(ANCHORS)])


def test_it_keeps_the_contract_of_node_types():
    inputs = {
        "anchors": [ANCHORS],
        "class_logits": [torch.randn(1, 3, 1, 3)],
        "box_deltas": [torch.randn(1, 4, 1, 3)],
        "classes": [torch.tensor([1, 3, -1])],
        "boxes": [Boxes(ANCHORS)],
    }
    check_node_type(RetinaNetLoss, inputs)
