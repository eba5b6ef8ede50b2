"""Labels of regions: their classes and objects; and sampling of regions.

Legend: B regions of an image. `_` is the regions that are drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import torch
from jaxtyping import Int
from torch import Tensor

from composer.events import record_scalar
from composer.ops.box_kinds import BoxKind
from composer.ops.matching import check_truth_boxes, check_truth_classes, match_boxes, sample_labels
from composer.structures import AnyBoxes, Instances


@dataclass(frozen=True)
class RegionLabels(Generic[AnyBoxes]):
    """Training targets of the regions of one image.

    Args:
        boxes: the regions.
        classes: the number of classes for the background, -1 for ignored regions.
        matched_boxes: the box of the object that fits best; the region itself where the image
            has no objects.
        matched_indices: which object that is; 0 where the image has none.
    """

    boxes: AnyBoxes
    classes: Int[Tensor, "B"]
    matched_boxes: AnyBoxes
    matched_indices: Int[Tensor, "B"]

    def __getitem__(self, index: Int[Tensor, "_"]) -> "RegionLabels[AnyBoxes]":
        return RegionLabels(
            self.boxes[index],
            self.classes[index],
            self.matched_boxes[index],
            self.matched_indices[index],
        )


@dataclass(frozen=True)
class RegionSampling:
    """How regions are labelled and sampled.

    Args:
        num_classes: number of classes, which stands for the background.
        num_samples: regions to sample per image, as far as there are so many.
        positive_fraction: the share of regions with an object among them at most.
        iou_thresholds: of intersection over union; they cut it into intervals.
        iou_labels: for each interval 1 for the object's class, 0 for background, -1 for
            ignored regions.
        append_truth: whether the objects' own boxes are regions, too.
    """

    num_classes: int
    num_samples: int
    positive_fraction: float
    iou_thresholds: Sequence[float]
    iou_labels: Sequence[int]
    append_truth: bool


def label_regions(
    kind: BoxKind[AnyBoxes],
    boxes: AnyBoxes,
    target: Instances,
    *,
    iou_thresholds: Sequence[float],
    iou_labels: Sequence[int],
    num_classes: int,
) -> RegionLabels[AnyBoxes]:
    """Gives every region the class of the object that it overlaps most (Girshick 2015, 2.3).

    Args:
        kind: how boxes are written.
        boxes: the regions.
        target: the image's ground truth, with `gt_boxes` and `gt_classes`.
        iou_thresholds: of intersection over union; they cut it into intervals.
        iou_labels: for each interval 1 for the object's class, 0 for background, -1 for
            ignored regions.
        num_classes: number of classes, which stands for the background.

    Raises:
        ValueError: thresholds and labels do not fit, an object has no area, or a class that there
            is not.
    """
    truth: AnyBoxes = target.gt_boxes.to(boxes.device)
    check_truth_boxes(truth)
    check_truth_classes(target.gt_classes, num_classes)
    matches = match_boxes(
        kind.overlap(truth, boxes), iou_thresholds, iou_labels, tolerance=kind.overlap_tolerance
    )
    if len(truth) == 0:
        background = torch.full_like(matches.indices, num_classes)
        return RegionLabels(boxes, background, boxes, matches.indices)
    classes = target.gt_classes.to(boxes.device)[matches.indices]
    classes = classes.masked_fill(matches.labels == 0, num_classes)
    classes = classes.masked_fill(matches.labels == -1, -1)
    return RegionLabels(boxes, classes, truth[matches.indices], matches.indices)


@torch.no_grad()
def sample_regions(
    kind: BoxKind[AnyBoxes],
    proposals: Sequence[AnyBoxes],
    targets: Sequence[Instances],
    sampling: RegionSampling,
    generator: torch.Generator,
) -> list[RegionLabels[AnyBoxes]]:
    """Labels the proposals of every image and samples some of them (Girshick 2015, section 2.3).

    Records `roi_head/num_fg_samples` and `roi_head/num_bg_samples`, per image.

    Args:
        kind: how boxes are written.
        proposals: per image.
        targets: the ground truth of every image, with `gt_boxes` and `gt_classes`.
        sampling: how regions are labelled and sampled.
        generator: for sampling.

    Returns:
        The regions of every image, those with an object first.

    Raises:
        ValueError: the numbers of targets and images, or of thresholds and labels, do not fit.
    """
    if len(proposals) != len(targets):
        raise ValueError(f"Proposals of {len(proposals)} images, but targets of {len(targets)}.")
    sampled = [
        _draw_regions(kind, boxes, target, sampling, generator)
        for boxes, target in zip(proposals, targets, strict=True)
    ]
    record_region_counts([one.classes for one in sampled], sampling.num_classes)
    return sampled


def record_region_counts(
    classes: Sequence[Int[Tensor, "_"]], num_classes: int, scope: str = ""
) -> None:
    """Records how many regions of an image there are with an object, and without.

    Args:
        classes: what each region is, per image; the number of classes for the background.
        num_classes: number of classes.
        scope: what comes before the names `roi_head/num_fg_samples` and
            `roi_head/num_bg_samples`.
    """
    num_images = max(len(classes), 1)
    num_regions = sum(len(one) for one in classes)
    num_objects = sum(int(((one >= 0) & (one < num_classes)).sum()) for one in classes)
    record_scalar(f"{scope}roi_head/num_fg_samples", num_objects / num_images)
    record_scalar(f"{scope}roi_head/num_bg_samples", (num_regions - num_objects) / num_images)


def _draw_regions(
    kind: BoxKind[AnyBoxes],
    boxes: AnyBoxes,
    target: Instances,
    sampling: RegionSampling,
    generator: torch.Generator,
) -> RegionLabels[AnyBoxes]:
    if sampling.append_truth:
        truth: AnyBoxes = target.gt_boxes.to(boxes.device)
        boxes = kind.structure.cat([boxes, truth])
    labels = label_regions(
        kind,
        boxes,
        target,
        iou_thresholds=sampling.iou_thresholds,
        iou_labels=sampling.iou_labels,
        num_classes=sampling.num_classes,
    )
    positive, negative = sample_labels(
        labels.classes,
        sampling.num_samples,
        sampling.positive_fraction,
        sampling.num_classes,
        generator,
    )
    return labels[torch.cat((positive, negative))]
