"""Training targets of a later stage of a cascade."""

from typing import NamedTuple

import torch

from composer.ops import UPRIGHT, label_regions, record_region_counts
from composer.ranges import Fraction, NonNegativeInt, PositiveInt
from composer.structures import Boxes, Classes, Instances


class RelabeledProposals(NamedTuple):
    """The regions of every image.

    Args:
        boxes: the regions.
        classes: target classes; the number of classes for the background.
        matched_boxes: the box of the object that fits each best; it means something for regions
            with an object only.
    """

    boxes: list[Boxes]
    classes: list[Classes]
    matched_boxes: list[Boxes]


@torch.no_grad()
def relabeled_proposals(
    boxes: list[Boxes],
    targets: list[Instances],
    *,
    num_classes: PositiveInt,
    iou_threshold: Fraction = 0.6,
    stage: NonNegativeInt = 1,
) -> RelabeledProposals:
    """Labels refined regions anew, by a higher standard (Cai and Vasconcelos 2018, section 4.2).

    All of them are kept, apart from those without area. Records `stage{k}/roi_head/num_fg_samples`
    and `stage{k}/roi_head/num_bg_samples`, per image.

    Args:
        boxes: the regions as the stage before has refined them, per image.
        targets: the ground truth of every image, with `gt_boxes` and `gt_classes`.
        num_classes: number of classes, without the background.
        iou_threshold: intersection over union from which on a region has an object.
        stage: number of the stage, for the names of scalars.

    Raises:
        ValueError: the numbers of targets and images differ.
    """
    if len(boxes) != len(targets):
        raise ValueError(f"Regions of {len(boxes)} images, but targets of {len(targets)}.")
    kept = [one[one.nonempty()] for one in boxes]
    labelled = [
        label_regions(
            UPRIGHT,
            one,
            target,
            iou_thresholds=(iou_threshold,),
            iou_labels=(0, 1),
            num_classes=num_classes,
        )
        for one, target in zip(kept, targets, strict=True)
    ]
    classes = [one.classes for one in labelled]
    record_region_counts(classes, num_classes, f"stage{stage}/")
    return RelabeledProposals(kept, classes, [one.matched_boxes for one in labelled])
