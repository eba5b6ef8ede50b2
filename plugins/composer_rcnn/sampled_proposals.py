"""Sampling of proposals for training."""

from typing import NamedTuple

import torch

from composer.ops import RegionSampling, find_box_kind, sample_regions
from composer.ranges import Fraction, MatchLabel, PositiveInt
from composer.structures import AnyBoxes, Classes, Indices, Instances


class SampledProposals(NamedTuple):
    """The sampled regions of every image, those with an object first.

    Args:
        boxes: the regions.
        classes: target classes; the number of classes for the background.
        matched_boxes: the box of the best object of each; defined for regions with an object
            only.
        matched_indices: which of its image's objects that is.
    """

    boxes: list[AnyBoxes]  # type: ignore[valid-type]
    classes: list[Classes]
    matched_boxes: list[AnyBoxes]  # type: ignore[valid-type]
    matched_indices: list[Indices]


def sampled_proposals(
    proposals: list[AnyBoxes],
    targets: list[Instances],
    *,
    generator: torch.Generator,
    num_classes: PositiveInt,
    batch_size_per_image: PositiveInt = 512,
    positive_fraction: Fraction = 0.25,
    iou_thresholds: tuple[Fraction, ...] = (0.5,),
    iou_labels: tuple[MatchLabel, ...] = (0, 1),
    proposal_append_gt: bool = True,
) -> SampledProposals:
    """Labels proposals and samples some of them (Girshick 2015, section 2.3).

    Records `roi_head/num_fg_samples` and `roi_head/num_bg_samples`, per image.

    Args:
        proposals: per image.
        targets: the ground truth of every image, with `gt_boxes` of the proposals' kind and
            `gt_classes`.
        generator: for sampling.
        num_classes: number of classes, without the background.
        batch_size_per_image: number of regions to sample per image, as far as there are so many.
        positive_fraction: the share of regions with an object among them at most.
        iou_thresholds: of intersection over union; they cut it into intervals.
        iou_labels: the label of each interval: 1 for the object's class, 0 for background, -1 for
            ignored regions.
        proposal_append_gt: whether the objects' own boxes are regions, too: an untrained RPN
            finds nothing.

    Raises:
        ValueError: the numbers of targets and images, or of thresholds and labels, do not fit.
    """
    sampling = RegionSampling(
        num_classes,
        batch_size_per_image,
        positive_fraction,
        iou_thresholds,
        iou_labels,
        append_truth=proposal_append_gt,
    )
    kind = find_box_kind(proposals)
    sampled = sample_regions(kind, proposals, targets, sampling, generator)
    return SampledProposals(
        [one.boxes for one in sampled],
        [one.classes for one in sampled],
        [one.matched_boxes for one in sampled],
        [one.matched_indices for one in sampled],
    )
