"""Training targets of an RPN, anchor by anchor."""

from typing import NamedTuple

import torch

from composer.ops import AnchorSampling, find_box_kind, label_anchors
from composer.ranges import Finite, Fraction, MatchLabel, PositiveInt
from composer.structures import (
    AnchorLabels,
    AnyAnchors,
    AnyBoxes,
    ImageList,
    Instances,
)


class RPNTargets(NamedTuple):
    """Training targets of every anchor, all levels after each other.

    Args:
        labels: per image, 1 for an object, 0 for background, -1 for ignored anchors.
        boxes: per image, the box of the object that fits each anchor best; defined for
            objects only.
    """

    labels: list[AnchorLabels]
    boxes: list[AnyBoxes]  # type: ignore[valid-type]


def rpn_targets(
    images: ImageList,
    anchors: AnyAnchors,
    targets: list[Instances],
    *,
    generator: torch.Generator,
    iou_thresholds: tuple[Fraction, ...] = (0.3, 0.7),
    iou_labels: tuple[MatchLabel, ...] = (0, -1, 1),
    batch_size_per_image: PositiveInt = 256,
    positive_fraction: Fraction = 0.5,
    boundary_threshold: Finite = -1.0,
) -> RPNTargets:
    """Labels all anchors and samples some for the loss (Ren et al. 2015, sections 3.1.2, 3.1.3).

    An anchor is an object where it overlaps one by much, or more than any other anchor does.
    Angles do not count but for the overlap.

    Args:
        images: for their sizes.
        anchors: per level.
        targets: the ground truth of every image, with `gt_boxes` of the anchors' kind.
        generator: for sampling.
        iou_thresholds: of intersection over union; they cut it into intervals.
        iou_labels: the label of each interval: 1, 0 or -1.
        batch_size_per_image: anchors per image that the loss compares.
        positive_fraction: the share of objects among them at most.
        boundary_threshold: anchors that reach over the image's border by more than so many
            pixels do not count; below 0, all do.

    Raises:
        ValueError: the numbers of targets and images, or of thresholds and labels, do not fit.
    """
    if len(targets) != len(images):
        raise ValueError(f"Targets of {len(targets)} images, but {len(images)} images.")
    sampling = AnchorSampling(
        iou_thresholds, iou_labels, batch_size_per_image, positive_fraction, boundary_threshold
    )
    kind = find_box_kind(anchors)
    all_anchors = kind.structure(torch.cat(anchors))
    labelled = [
        label_anchors(kind, all_anchors, one.gt_boxes, image_size, sampling, generator)
        for image_size, one in zip(images.image_sizes, targets, strict=True)
    ]
    return RPNTargets([labels for labels, _ in labelled], [boxes for _, boxes in labelled])
