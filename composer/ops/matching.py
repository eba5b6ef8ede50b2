"""Matching of boxes with objects, sampling of matched boxes, and checks of the ground truth.

Legend: G objects of the ground truth, B boxes, R regions over all images, `_` boxes that are drawn.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from composer.structures import Boxes, Instances, RotatedBoxes


class Matches(NamedTuple):
    """The best object of each box.

    Args:
        indices: the object that fits best; 0 where there are no objects.
        labels: 1 for a positive, 0 for a negative, -1 for a box that is left out.
    """

    indices: Int[Tensor, "B"]
    labels: Int[Tensor, "B"]


def match_boxes(
    quality: Float[Tensor, "G B"],
    thresholds: Sequence[float],
    labels: Sequence[int],
    *,
    allow_low_quality_matches: bool = False,
    tolerance: float = 0.0,
) -> Matches:
    """Matches every box with the object that fits it best (Ren et al. 2015, section 3.1.2).

    Args:
        quality: how well each object fits each box, for instance intersection over union.
        thresholds: in ascending order; they cut the qualities into one interval more than
            there are thresholds. A threshold belongs to the interval above it.
        labels: the label of each interval.
        allow_low_quality_matches: whether the boxes that fit an object best are positive in any
            case, all of them where several fit equally well. They stay matched with the object
            that fits them best.
        tolerance: by how much qualities that count as equal may differ, as a share of the larger
            one. Of objects that fit a box equally well, the first one is its object.

    Raises:
        ValueError: thresholds do not ascend, or labels are too few, too many or unknown.
    """
    _check(thresholds, labels)
    if len(quality) == 0:
        nothing = torch.zeros(quality.shape[1], dtype=torch.int64, device=quality.device)
        return Matches(nothing, torch.full_like(nothing, labels[0]))
    best, indices = quality.max(dim=0)
    if tolerance > 0:
        is_best_of_box = quality >= _lower(best, tolerance)
        indices = is_best_of_box.to(torch.uint8).max(dim=0).indices  # the first one
    intervals = torch.bucketize(best, quality.new_tensor(thresholds), right=True)
    box_labels = torch.tensor(labels, dtype=torch.int64, device=quality.device)[intervals]
    if allow_low_quality_matches and quality.shape[1] > 0:
        is_best_of_object = quality >= _lower(quality.amax(dim=1, keepdim=True), tolerance)
        box_labels = torch.where(is_best_of_object.any(dim=0), 1, box_labels)
    return Matches(indices, box_labels)


def _lower(best: Float[Tensor, "..."], tolerance: float) -> Float[Tensor, "..."]:
    """The least of the numbers of a type that counts as equal to a larger one.

    A product in the same type would be rounded, by as much as the tolerance may be.
    """
    exact = best if best.device.type == "mps" else best.double()
    limit = exact * (1 - tolerance)
    rounded = limit.to(best)
    return torch.where(rounded < limit, rounded.nextafter(best), rounded)


def _check(thresholds: Sequence[float], labels: Sequence[int]) -> None:
    if any(low > high for low, high in pairwise(thresholds)):
        raise ValueError(f"Thresholds ascend, these do not: {list(thresholds)}.")
    if len(labels) != len(thresholds) + 1 or not set(labels) <= {-1, 0, 1}:
        raise ValueError(
            f"{len(thresholds)} thresholds need {len(thresholds) + 1} labels, each of them -1, 0 "
            f"or 1, not {list(labels)}."
        )


def sample_labels(
    labels: Int[Tensor, "B"],
    num_samples: int,
    positive_fraction: float,
    background: int,
    generator: torch.Generator | None = None,
) -> tuple[Int[Tensor, "_"], Int[Tensor, "_"]]:
    """Draws positives and negatives at random (Girshick 2015, section 2.3).

    Positives take their share at most; negatives fill up what is left.

    Args:
        labels: -1 for boxes that are left out, `background` for negatives, anything else for
            positives.
        num_samples: how many to draw, if there are as many.
        positive_fraction: the share of positives at most.
        background: the label of negatives.
        generator: what the positives, then the negatives are drawn with.

    Returns:
        The positions of the positives and of the negatives, in random order.
    """
    positive = ((labels != -1) & (labels != background)).nonzero().squeeze(1)
    negative = (labels == background).nonzero().squeeze(1)
    num_positive = min(int(num_samples * positive_fraction), len(positive))
    num_negative = min(num_samples - num_positive, len(negative))
    return (
        _draw(positive, num_positive, generator),
        _draw(negative, num_negative, generator),
    )


def _draw(
    positions: Int[Tensor, "_"], count: int, generator: torch.Generator | None
) -> Int[Tensor, "_"]:
    order = torch.randperm(len(positions), generator=generator, device=positions.device)
    return positions[order[:count]]


def check_truth_boxes(boxes: Boxes | RotatedBoxes) -> None:
    """Checks that the boxes of an image's objects are finite and have an area.

    Raises:
        ValueError: one is not: its offsets would be infinite.
    """
    is_fit = boxes.tensor.isfinite().all(dim=1) & boxes.nonempty()
    if not bool(is_fit.all()):
        row = int((~is_fit).nonzero()[0])
        raise ValueError(
            f"gt_boxes: the box of object {row} of {len(boxes)} in an image, "
            f"{boxes.tensor[row].tolist()}, has no area or is not finite. Leave such objects out."
        )


def check_truth_classes(classes: Int[Tensor, "_"], num_classes: int) -> None:
    """Checks that classes are in range, or -1 for ignored objects.

    Raises:
        ValueError: one has not.
    """
    if bool(((classes < -1) | (classes >= num_classes)).any()):
        raise ValueError(
            f"gt_classes of an image go from {int(classes.min())} to {int(classes.max())}, but "
            f"num_classes is {num_classes}: classes are counted from 0 to {num_classes - 1}."
        )


def find_known_masks(
    boxes: list[Boxes],
    matched_indices: list[Int[Tensor, "_"]],
    targets: list[Instances],
    predicted: Shaped[Tensor, "R ..."],
) -> Bool[Tensor, "R"]:
    """Returns which regions have an object with a mask that is not empty, on the CPU.

    Args:
        boxes: the regions, per image.
        matched_indices: which of its image's objects each region has.
        targets: the ground truth of every image, with `gt_masks`.
        predicted: predictions for all regions.

    Raises:
        ValueError: the numbers of predictions and regions differ.
    """
    num_regions = sum(len(one) for one in boxes)
    if num_regions != len(predicted):
        raise ValueError(f"{num_regions} regions, but masks of {len(predicted)}.")
    pairs = zip(matched_indices, targets, strict=True)
    known = [one.gt_masks.nonempty().cpu()[at.cpu()] for at, one in pairs if len(at)]
    return torch.cat(known) if known else torch.zeros(0, dtype=torch.bool)
