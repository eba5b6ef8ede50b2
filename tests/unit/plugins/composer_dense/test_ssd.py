"""Targets, losses and detections of SSD, against torchvision where it has them by themselves."""

import pytest
import torch
from torchvision.models.detection._utils import SSDMatcher

from composer.structures import Boxes, ImageList, Instances, pairwise_iou
from composer.testing import check_node_type
from composer_dense.ssd_detections import ssd_detections
from composer_dense.ssd_loss import find_hard_negatives, ssd_loss
from composer_dense.ssd_targets import ssd_targets

SQUARE = [0.0, 0.0, 10.0, 10.0]
HALF = [0.0, 0.0, 10.0, 5.0]
NOWHERE = [100.0, 100.0, 110.0, 110.0]


def truth(boxes, classes):
    boxes = Boxes(torch.tensor(boxes).reshape(-1, 4))
    return Instances((200, 200), gt_boxes=boxes, gt_classes=torch.tensor(classes).long())


def assign(anchors, *targets):
    return ssd_targets([torch.tensor(anchors)], list(targets), num_classes=5)


def test_a_threshold_decides_and_each_object_has_its_best_box():
    found = assign([HALF, SQUARE, NOWHERE], truth([SQUARE], [3]))
    assert found.classes[0].tolist() == [3, 3, 5]
    found = assign([[0.0, 0.0, 2.0, 2.0], NOWHERE], truth([SQUARE], [3]))
    assert found.classes[0].tolist() == [3, 5]


def test_an_object_takes_its_best_box_from_one_that_overlaps_the_box_more():
    larger = [0.0, 0.0, 10.0, 30.0]
    found = assign([SQUARE, NOWHERE], truth([SQUARE, larger], [1, 2]))
    assert found.classes[0].tolist() == [2, 5]
    assert found.boxes[0].tensor[0].tolist() == larger


def test_images_without_objects_are_all_background():
    assert assign([SQUARE, NOWHERE], truth([], [])).classes[0].tolist() == [5, 5]


@pytest.mark.parametrize("seed", range(10))
def test_matches_are_those_of_torchvision(seed):
    torch.manual_seed(seed)
    corners = torch.rand(60, 2) * 80
    boxes = torch.cat((corners, corners + 5 + torch.rand(60, 2) * 40), dim=1)
    objects, anchors = boxes[:8], boxes[8:]
    expected = SSDMatcher(0.5)(pairwise_iou(Boxes(objects), Boxes(anchors)))
    instances = Instances((200, 200), gt_boxes=Boxes(objects), gt_classes=torch.arange(8))
    found = ssd_targets([anchors], [instances], num_classes=8).classes[0]
    assert torch.equal(found, torch.where(expected < 0, 8, expected))


def test_hard_negatives_are_a_multiple_of_the_positives_of_their_image():
    loss = torch.tensor([[9.0, 1.0, 2.0, 3.0, 4.0], [9.0, 1.0, 2.0, 3.0, 4.0]])
    positive = torch.tensor([[True, False, False, False, False], [False] * 5])
    found = find_hard_negatives(loss, positive, ~positive, 3.0)
    assert found.tolist() == [[False, False, True, True, True], [False] * 5]


def test_more_positives_than_negatives_count_once():
    positive = torch.tensor([[True, True, True, False]])
    found = find_hard_negatives(torch.rand(1, 4), positive, ~positive, 3.0)
    assert found.tolist() == [[False, False, False, True]]


def test_ignored_anchors_have_no_loss():
    logits = torch.tensor([[[[5.0]], [[0.0]], [[5.0]], [[0.0]]]]).reshape(1, 4, 1, 1)
    anchors, deltas = [torch.tensor([SQUARE, SQUARE])], [torch.zeros(1, 8, 1, 1)]
    boxes = [Boxes(torch.tensor([SQUARE, SQUARE]))]

    def loss_of(*classes):
        wanted = [torch.tensor(classes)]
        return ssd_loss(anchors, [logits], deltas, wanted, boxes, num_classes=1)["loss_cls"].item()

    one = torch.nn.functional.cross_entropy(torch.tensor([[5.0, 0.0]]), torch.tensor([0])).item()
    assert loss_of(0, -1) == pytest.approx(one)
    assert loss_of(-1, -1) == 0
    assert loss_of(1, 1) == 0  # without positives no negatives


def detect(logits, **options):
    anchors = [torch.tensor([SQUARE, NOWHERE])]
    images = ImageList(torch.zeros(1, 3, 105, 105), [(105, 105)])
    maps = [torch.tensor(logits).reshape(1, -1, 1, 1)]
    return ssd_detections(anchors, maps, [torch.zeros(1, 8, 1, 1)], images, **options)


def test_candidates_are_counted_class_by_class_and_clipped():
    logits = [[3.0, 1.0, 0.0], [1.0, 3.0, 0.0]]
    found = detect(logits, topk_candidates=1)
    assert found.classes[0].tolist() == [0, 1]
    assert found.anchor_indices[0].tolist() == [0, 1]
    assert found.boxes[0].tensor.tolist() == [SQUARE, [100.0, 100.0, 105.0, 105.0]]
    assert len(detect(logits).classes[0]) == 4


def test_what_is_not_finite_takes_no_place_of_another_one():
    found = detect([[float("nan")] * 3, [1.0, 3.0, 0.0]], topk_candidates=1)
    assert found.anchor_indices[0].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("node_type", "config"),
    [(ssd_targets, {"num_classes": 3}), (ssd_detections, {})],
)
def test_node_types_keep_the_contract(node_type, config):
    anchors = [torch.tensor([SQUARE, HALF])]
    inputs = {"anchors": anchors, "targets": [truth([SQUARE], [1])]}
    if node_type is ssd_detections:
        maps = [torch.randn(1, 8, 1, 1)]
        inputs = {"anchors": anchors, "class_logits": maps, "box_deltas": [torch.zeros(1, 8, 1, 1)]}
    check_node_type(node_type, inputs=inputs, config=config)
