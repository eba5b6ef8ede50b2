"""What an RPN is to say about every anchor.

Legend: A anchors of all levels.
"""

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from composer.ops import match_boxes, sample_labels
from composer.structures import (
    AnchorLabels,
    Anchors,
    Boxes,
    ImageList,
    Instances,
    pairwise_iou,
)

_BACKGROUND = 0


class RPNTargets(NamedTuple):
    """What an RPN learns, anchor by anchor, all levels after each other.

    Args:
        labels: per image, 1 for an object, 0 for background, -1 for what does not count.
        boxes: per image, the box of the object that fits each anchor best; it means something
            for objects only.
    """

    labels: list[AnchorLabels]
    boxes: list[Boxes]


@torch.no_grad()
def rpn_targets(
    images: ImageList,
    anchors: Anchors,
    targets: list[Instances],
    *,
    generator: torch.Generator,
    iou_thresholds: tuple[float, ...] = (0.3, 0.7),
    iou_labels: tuple[int, ...] = (0, -1, 1),
    batch_size_per_image: int = 256,
    positive_fraction: float = 0.5,
    boundary_threshold: float = -1.0,
) -> RPNTargets:
    """Labels all anchors, and draws those that count (Ren et al. 2015, sections 3.1.2, 3.1.3).

    An anchor is an object where it overlaps one by much, or more than any other anchor does.

    Args:
        images: for their sizes.
        anchors: per level.
        targets: the ground truth of every image, with `gt_boxes`.
        generator: what anchors are drawn with.
        iou_thresholds: of intersection over union; they cut it into intervals.
        iou_labels: the label of each interval: 1, 0 or -1.
        batch_size_per_image: how many anchors of an image count.
        positive_fraction: the share of objects among them at most.
        boundary_threshold: anchors that reach over the image's border by more than so many
            pixels do not count; below 0, all do.

    Raises:
        ValueError: there are not as many targets as images, or thresholds and labels do not fit.
    """
    if len(targets) != len(images):
        raise ValueError(f"Targets of {len(targets)} images, but {len(images)} images.")
    all_anchors = Boxes(torch.cat(anchors))
    labels, boxes = [], []
    for image_size, one in zip(images.image_sizes, targets, strict=True):
        truth = one.gt_boxes.to(all_anchors.device)
        matches = match_boxes(
            pairwise_iou(truth, all_anchors),
            iou_thresholds,
            iou_labels,
            allow_low_quality_matches=True,
        )
        counts = all_anchors.inside_box(image_size, boundary_threshold)
        eligible = matches.labels if boundary_threshold < 0 else matches.labels.where(counts, -1)
        labels.append(_keep_sample(eligible, batch_size_per_image, positive_fraction, generator))
        boxes.append(truth[matches.indices] if len(truth) else _no_boxes(all_anchors))
    return RPNTargets(labels, boxes)


def _keep_sample(
    labels: Int[Tensor, "A"],
    num_samples: int,
    positive_fraction: float,
    generator: torch.Generator,
) -> Int[Tensor, "A"]:
    """Returns the labels of a sample, and -1 for all others."""
    positive, negative = sample_labels(
        labels, num_samples, positive_fraction, _BACKGROUND, generator
    )
    kept = torch.full_like(labels, -1)
    kept[positive] = 1
    kept[negative] = _BACKGROUND
    return kept


def _no_boxes(anchors: Boxes) -> Boxes:
    """Returns a box without extent for every anchor."""
    return Boxes(torch.zeros_like(anchors.tensor))
