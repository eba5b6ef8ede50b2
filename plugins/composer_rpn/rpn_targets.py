"""Training targets of an RPN, anchor by anchor.

Legend: A anchors of all levels.
"""

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from composer.ops import check_truth_boxes, find_box_kind, match_boxes, sample_labels
from composer.ranges import Finite, Fraction, MatchLabel, PositiveInt
from composer.structures import (
    AnchorLabels,
    AnyAnchors,
    AnyBoxes,
    ImageList,
    Instances,
)

_BACKGROUND = 0


class RPNTargets(NamedTuple):
    """Training targets of every anchor, all levels after each other.

    Args:
        labels: per image, 1 for an object, 0 for background, -1 for ignored anchors.
        boxes: per image, the box of the object that fits each anchor best; defined for
            objects only.
    """

    labels: list[AnchorLabels]
    boxes: list[AnyBoxes]  # type: ignore[valid-type]


@torch.no_grad()
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
        ValueError: the numbers of targets and images, or of thresholds and labels, do not fit; or
            an object has no area.
    """
    if len(targets) != len(images):
        raise ValueError(f"Targets of {len(targets)} images, but {len(images)} images.")
    kind = find_box_kind(anchors)
    all_anchors = kind.structure(torch.cat(anchors))
    found = RPNTargets([], [])
    for image_size, target in zip(images.image_sizes, targets, strict=True):
        truth = target.gt_boxes.to(all_anchors.device)
        check_truth_boxes(truth)
        matches = match_boxes(
            kind.overlap(truth, all_anchors),
            iou_thresholds,
            iou_labels,
            allow_low_quality_matches=True,
            tolerance=kind.overlap_tolerance,
        )
        labels = matches.labels
        if boundary_threshold >= 0:
            labels = labels.where(all_anchors.inside_box(image_size, boundary_threshold), -1)
        found.labels.append(_keep_some(labels, batch_size_per_image, positive_fraction, generator))
        nothing = kind.structure(torch.zeros_like(all_anchors.tensor))
        found.boxes.append(truth[matches.indices] if len(truth) else nothing)
    return found


def _keep_some(
    labels: Int[Tensor, "A"], count: int, positive_fraction: float, generator: torch.Generator
) -> Int[Tensor, "A"]:
    """Returns the labels of sampled anchors, and -1 for the others."""
    positive, negative = sample_labels(labels, count, positive_fraction, _BACKGROUND, generator)
    kept = torch.full_like(labels, -1)
    return kept.index_fill(0, positive, 1).index_fill(0, negative, _BACKGROUND)
