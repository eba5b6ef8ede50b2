"""Which class each region is to be given, and which object it belongs to.

Legend: B boxes of an image.
"""

from typing import NamedTuple

import torch

from composer.ops import match_boxes
from composer.structures import Boxes, Classes, Indices, Instances, pairwise_iou


class RegionLabels(NamedTuple):
    """What the regions of one image are to learn.

    Args:
        classes: the number of classes for the background, -1 for what is left out.
        matched_boxes: the box of the object that fits best; the region itself where the image
            has no objects.
        matched_indices: which object that is; 0 where the image has none.
    """

    classes: Classes
    matched_boxes: Boxes
    matched_indices: Indices


def label_regions(
    boxes: Boxes,
    target: Instances,
    *,
    iou_thresholds: tuple[float, ...],
    iou_labels: tuple[int, ...],
    num_classes: int,
) -> RegionLabels:
    """Gives every region the class of the object that it overlaps most (Girshick 2015, 2.3).

    Args:
        boxes: the regions.
        target: the image's ground truth, with `gt_boxes` and `gt_classes`.
        iou_thresholds: of intersection over union; they cut it into intervals.
        iou_labels: for each interval 1 for the object's class, 0 for background, -1 for regions
            that are left out.
        num_classes: number of classes, which stands for the background.
    """
    truth = target.gt_boxes.to(boxes.device)
    matches = match_boxes(pairwise_iou(truth, boxes), iou_thresholds, iou_labels)
    if len(truth) == 0:
        background = torch.full_like(matches.indices, num_classes)
        return RegionLabels(background, boxes, matches.indices)
    classes = target.gt_classes.to(boxes.device)[matches.indices]
    classes = classes.masked_fill(matches.labels == 0, num_classes)
    classes = classes.masked_fill(matches.labels == -1, -1)
    return RegionLabels(classes, truth[matches.indices], matches.indices)
