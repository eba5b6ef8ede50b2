"""What a rotated RPN is to say about every anchor."""

from typing import NamedTuple

import torch

from composer.ops import ROTATED, AnchorSampling, label_anchors
from composer.ranges import Fraction, MatchLabel, PositiveInt
from composer.structures import (
    AnchorLabels,
    Instances,
    RotatedAnchors,
    RotatedBoxes,
)


class RotatedRPNTargets(NamedTuple):
    """What an RPN learns, anchor by anchor, all levels after each other.

    Args:
        labels: per image, 1 for an object, 0 for background, -1 for what does not count.
        boxes: per image, the box of the object that fits each anchor best; it means something
            for objects only.
    """

    labels: list[AnchorLabels]
    boxes: list[RotatedBoxes]


def rotated_rpn_targets(
    anchors: RotatedAnchors,
    targets: list[Instances],
    *,
    generator: torch.Generator,
    iou_thresholds: tuple[Fraction, ...] = (0.3, 0.7),
    iou_labels: tuple[MatchLabel, ...] = (0, -1, 1),
    batch_size_per_image: PositiveInt = 256,
    positive_fraction: Fraction = 0.5,
) -> RotatedRPNTargets:
    """Labels all anchors, and draws those that count (Ren et al. 2015, sections 3.1.2, 3.1.3).

    An anchor is an object where it overlaps one by much, or more than any other anchor does.
    Their angles do not count but for the overlap.

    Args:
        anchors: per level.
        targets: the ground truth of every image, with rotated `gt_boxes`.
        generator: what anchors are drawn with.
        iou_thresholds: of intersection over union; they cut it into intervals.
        iou_labels: the label of each interval: 1, 0 or -1.
        batch_size_per_image: how many anchors of an image count.
        positive_fraction: the share of objects among them at most.

    Raises:
        ValueError: thresholds and labels do not fit.
    """
    sampling = AnchorSampling(iou_thresholds, iou_labels, batch_size_per_image, positive_fraction)
    all_anchors = RotatedBoxes(torch.cat(anchors))
    labelled = [
        label_anchors(ROTATED, all_anchors, one.gt_boxes, one.image_size, sampling, generator)
        for one in targets
    ]
    return RotatedRPNTargets([labels for labels, _ in labelled], [boxes for _, boxes in labelled])
