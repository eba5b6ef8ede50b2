"""Matching of boxes with objects.

Legend: G objects of the ground truth, B boxes.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


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

    Raises:
        ValueError: thresholds do not ascend, or labels are too few, too many or unknown.
    """
    _check(thresholds, labels)
    if len(quality) == 0:
        nothing = torch.zeros(quality.shape[1], dtype=torch.int64, device=quality.device)
        return Matches(nothing, torch.full_like(nothing, labels[0]))
    best, indices = quality.max(dim=0)
    intervals = torch.bucketize(best, quality.new_tensor(thresholds), right=True)
    box_labels = torch.tensor(labels, dtype=torch.int64, device=quality.device)[intervals]
    if allow_low_quality_matches and quality.shape[1] > 0:
        is_best_of_object = (quality == quality.amax(dim=1, keepdim=True)).any(dim=0)
        box_labels = torch.where(is_best_of_object, 1, box_labels)
    return Matches(indices, box_labels)


def _check(thresholds: Sequence[float], labels: Sequence[int]) -> None:
    if any(low > high for low, high in pairwise(thresholds)):
        raise ValueError(f"Thresholds ascend, these do not: {list(thresholds)}.")
    if len(labels) != len(thresholds) + 1 or not set(labels) <= {-1, 0, 1}:
        raise ValueError(
            f"{len(thresholds)} thresholds need {len(thresholds) + 1} labels, each of them -1, 0 "
            f"or 1, not {list(labels)}."
        )
