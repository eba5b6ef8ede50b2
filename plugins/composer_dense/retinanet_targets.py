"""Assignment of anchors to objects by overlap."""

import torch

from composer.ops import Matches, match_boxes
from composer.ranges import Fraction, MatchLabel, PositiveInt
from composer.structures import Anchors, Boxes, Instances, pairwise_iou
from composer_dense.targets import AnchorTargets, assign_objects


@torch.no_grad()
def retinanet_targets(
    anchors: Anchors,
    targets: list[Instances],
    *,
    num_classes: PositiveInt,
    iou_thresholds: tuple[Fraction, ...] = (0.4, 0.5),
    iou_labels: tuple[MatchLabel, ...] = (0, -1, 1),
) -> AnchorTargets:
    """Matches every anchor with the object that it overlaps most (Lin et al. 2017, section 4).

    The anchors that overlap an object most are for it in any case.

    Args:
        anchors: per level.
        targets: per image, with `gt_boxes` and `gt_classes`; there may be no objects.
        num_classes: number of classes, which is the class of the background.
        iou_thresholds: where intersection over union is cut into intervals, ascending.
        iou_labels: for each interval 1 where an anchor is for its object, 0 where it is for the
            background, -1 where it does not count.

    Raises:
        ValueError: thresholds and labels do not fit each other.
    """
    boxes = Boxes(torch.cat(anchors))

    def match(truth: Boxes) -> Matches:
        overlap = pairwise_iou(truth, boxes)
        return match_boxes(overlap, iou_thresholds, iou_labels, allow_low_quality_matches=True)

    return assign_objects(targets, boxes.device, num_classes, match)
