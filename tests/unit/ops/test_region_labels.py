import pytest
import torch

from composer.events import EventStorage
from composer.ops import (
    ROTATED,
    UPRIGHT,
    RegionSampling,
    label_regions,
    record_region_counts,
    sample_regions,
)
from composer.structures import Boxes, Instances, RotatedBoxes
from strategies.rotated_boxes import lay_flat

SAMPLING = RegionSampling(
    num_classes=3,
    num_samples=4,
    positive_fraction=0.5,
    iou_thresholds=(0.5,),
    iou_labels=(-1, 1),
    append_truth=True,
)
ROWS = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
KINDS = pytest.mark.parametrize(
    ("kind", "boxes"), [(UPRIGHT, Boxes(ROWS)), (ROTATED, RotatedBoxes(lay_flat(ROWS)))]
)


def truth_of(boxes, *classes):
    return Instances((50, 50), gt_boxes=boxes, gt_classes=torch.tensor(classes).long())


@KINDS
def test_regions_of_an_image_without_objects_are_background_whatever_the_labels(kind, boxes):
    labels = label_regions(
        kind,
        boxes,
        truth_of(boxes[:0]),
        iou_thresholds=SAMPLING.iou_thresholds,
        iou_labels=SAMPLING.iou_labels,
        num_classes=3,
    )
    assert labels.classes.tolist() == [3, 3]
    torch.testing.assert_close(labels.matched_boxes.tensor, boxes.tensor)


@KINDS
def test_the_boxes_of_the_objects_are_regions_too(kind, boxes):
    truth = truth_of(boxes[1:], 2)
    (found,) = sample_regions(kind, [boxes[:1]], [truth], SAMPLING, torch.Generator())
    assert found.classes.tolist() == [2]
    torch.testing.assert_close(found.boxes.tensor, boxes.tensor[1:])
    assert found.matched_indices.tolist() == [0]


def test_objects_and_background_are_counted_per_image():
    with EventStorage() as storage:
        record_region_counts([torch.tensor([0, 3]), torch.tensor([3])], 3, "stage1/")
    assert storage.latest()["stage1/roi_head/num_fg_samples"][0] == 0.5
    assert storage.latest()["stage1/roi_head/num_bg_samples"][0] == 1.0


def test_proposals_and_targets_are_of_as_many_images():
    with pytest.raises(ValueError, match="Proposals of 1 images, but targets of 0"):
        sample_regions(UPRIGHT, [Boxes(ROWS)], [], SAMPLING, torch.Generator())
