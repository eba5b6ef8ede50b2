import torch

from composer.structures import Boxes, Instances
from composer.testing import check_node_type
from composer_dense.retinanet_targets import retinanet_targets

NUM_CLASSES = 80
SQUARE = [0.0, 0.0, 10.0, 10.0]
NOWHERE = [100.0, 100.0, 110.0, 110.0]


def truth(boxes, classes):
    return Instances((200, 200), gt_boxes=Boxes(boxes), gt_classes=torch.tensor(classes).long())


def assign(anchors, *targets, **options):
    return retinanet_targets(
        [torch.tensor(anchors)], list(targets), **{"num_classes": 80, **options}
    )


def test_overlap_decides_between_object_nothing_and_background():
    anchors = [[0.0, 0.0, 10.0, height] for height in (10.0, 5.1, 4.9, 4.1, 3.9)] + [NOWHERE]
    found = assign(anchors, truth([SQUARE], [7]))
    assert found.classes[0].tolist() == [7, 7, -1, -1, NUM_CLASSES, NUM_CLASSES]


def test_the_anchor_that_overlaps_an_object_most_is_for_it_in_any_case():
    anchors = [[0.0, 0.0, 10.0, 1.0], [0.0, 0.0, 10.0, 2.0], NOWHERE]
    assert assign(anchors, truth([SQUARE], [7])).classes[0].tolist() == [80, 7, 80]


def test_each_anchor_goes_to_the_object_that_it_overlaps_most():
    right = [4.0, 0.0, 14.0, 10.0]
    found = assign([SQUARE, right], truth([right, SQUARE], [1, 2]))
    assert found.classes[0].tolist() == [2, 1]
    assert found.boxes[0].tensor.tolist() == [SQUARE, right]


def test_without_objects_all_is_background():
    found = assign([SQUARE, NOWHERE], truth([], []), num_classes=3)
    assert found.classes[0].tolist() == [3, 3]
    assert len(found.boxes[0]) == 2


def test_anchors_of_all_levels_come_in_one_row_for_each_image():
    anchors = [torch.tensor([SQUARE]), torch.tensor([NOWHERE, SQUARE])]
    found = retinanet_targets(
        anchors, [truth([SQUARE], [0]), truth([NOWHERE], [1])], num_classes=80
    )
    assert [one.tolist() for one in found.classes] == [[0, 80, 0], [80, 1, 80]]


def test_thresholds_and_labels_can_be_others():
    anchors = [SQUARE, [0.0, 0.0, 10.0, 6.0], [0.0, 0.0, 10.0, 4.0]]
    found = assign(anchors, truth([SQUARE], [7]), iou_thresholds=(0.9,), iou_labels=(0, 1))
    assert found.classes[0].tolist() == [7, 80, 80]


def test_no_images_have_no_targets():
    assert assign([SQUARE]) == ([], [])


def test_it_keeps_the_contract_of_node_types():
    inputs = {
        "anchors": [torch.tensor([SQUARE, NOWHERE])],
        "targets": [truth([SQUARE], [3]), truth([], [])],
    }
    check_node_type(retinanet_targets, inputs, config={"num_classes": 80}, mode="training")
