"""Training targets of the anchors of an RPN.

Legend: A anchors of all levels, D numbers of a box. `_` is the anchors of a level.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from composer.ops.box_kinds import BoxKind
from composer.ops.matching import check_truth_boxes, match_boxes, sample_labels
from composer.structures import AnyBoxes

_BACKGROUND = 0


class AnchorSampling(NamedTuple):
    """How anchors are labelled and sampled.

    Args:
        iou_thresholds: of intersection over union; they cut it into intervals.
        iou_labels: the label of each interval: 1, 0 or -1.
        num_samples: anchors to sample per image.
        positive_fraction: the share of objects among them at most.
        boundary_threshold: anchors that reach over the image's border by more than so many
            pixels do not count; below 0, all do.
    """

    iou_thresholds: Sequence[float]
    iou_labels: Sequence[int]
    num_samples: int
    positive_fraction: float
    boundary_threshold: float = -1.0


@torch.no_grad()
def label_anchors(
    kind: BoxKind[AnyBoxes],
    anchors: AnyBoxes,
    truth: AnyBoxes,
    image_size: tuple[int, int],
    sampling: AnchorSampling,
    generator: torch.Generator,
) -> tuple[Int[Tensor, "A"], AnyBoxes]:
    """Labels the anchors of an image and samples some (Ren et al. 2015, 3.1.2, 3.1.3).

    An anchor is an object where it overlaps one by much, or more than any other anchor does.

    Args:
        kind: how boxes are written.
        anchors: of all levels.
        truth: the boxes of the image's objects; there may be none.
        image_size: (height, width).
        sampling: how anchors are labelled and sampled.
        generator: for sampling.

    Returns:
        For each anchor 1 for an object, 0 for background, -1 for ignored anchors; and the box of
        the object that fits it best, defined for objects only.

    Raises:
        ValueError: thresholds and labels do not fit, or an object has no area.
    """
    truth = truth.to(anchors.device)
    check_truth_boxes(truth)
    matches = match_boxes(
        kind.overlap(truth, anchors),
        sampling.iou_thresholds,
        sampling.iou_labels,
        allow_low_quality_matches=True,
    )
    labels = matches.labels
    if sampling.boundary_threshold >= 0:
        labels = labels.where(anchors.inside_box(image_size, sampling.boundary_threshold), -1)
    positive, negative = sample_labels(
        labels, sampling.num_samples, sampling.positive_fraction, _BACKGROUND, generator
    )
    kept = torch.full_like(labels, -1)
    kept = kept.index_fill(0, positive, 1).index_fill(0, negative, _BACKGROUND)
    nothing = kind.structure(torch.zeros_like(anchors.tensor))
    return kept, truth[matches.indices] if len(truth) else nothing
