"""Losses of boxes and of classes of anchors, summed up.

Legend: B boxes, D numbers of a box, N images, A anchors of all levels, K classes.

Nothing is divided by the number of boxes: detectors have their own ideas about that. No boxes
have a loss of zero, which still has a gradient (of zero).
"""

from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from composer.ops.box_kinds import UPRIGHT, AnyBoxWeights, find_box_kind
from composer.structures import at_least_float32

OverlapLossName: TypeAlias = Literal["giou", "diou", "ciou"]
BoxLossName: TypeAlias = Literal["smooth_l1", "giou", "diou", "ciou"]


def sum_box_loss(
    deltas: Float[Tensor, "B D"],
    sources: Float[Tensor, "B D"],
    targets: Float[Tensor, "B D"],
    weights: AnyBoxWeights,
    *,
    kind: BoxLossName = "smooth_l1",
    smooth_l1_beta: float = 0.0,
) -> Float[Tensor, ""]:
    """Returns the loss of predicted box offsets.

    Args:
        deltas: the predicted offsets.
        sources: the boxes that the offsets start from, XYXY in pixels, or rotated ones.
        targets: the target boxes.
        weights: factors of the offsets.
        kind: `smooth_l1` compares the offsets (Girshick 2015, section 2.3), the others compare
            upright boxes; see `sum_overlap_loss`.
        smooth_l1_beta: smooth L1 is quadratic below this difference; 0 makes it plain L1.

    Raises:
        ValueError: the loss compares upright boxes, and these are rotated.
    """
    boxes = find_box_kind([sources])
    factors = boxes.complete_weights(weights)
    if kind == "smooth_l1":
        return _sum_offset_loss(deltas, boxes.encode(sources, targets, factors), smooth_l1_beta)
    if boxes is not UPRIGHT:
        raise ValueError(f"The loss '{kind}' compares upright boxes; rotated ones have smooth_l1.")
    return sum_overlap_loss(boxes.decode(deltas, sources, factors), targets, kind)


def sum_overlap_loss(
    boxes: Float[Tensor, "B 4"], targets: Float[Tensor, "B 4"], kind: OverlapLossName
) -> Float[Tensor, ""]:
    """Returns the sum of `list_overlap_losses`."""
    return list_overlap_losses(boxes, targets, kind).sum()


def list_overlap_losses(
    boxes: Float[Tensor, "B 4"], targets: Float[Tensor, "B 4"], kind: OverlapLossName
) -> Float[Tensor, "B"]:
    """Returns the loss of each predicted box by its overlap with its target box.

    Args:
        boxes: the predicted boxes, XYXY in pixels.
        targets: the target boxes.
        kind: `giou` also considers the box around both (Rezatofighi et al. 2019), `diou` at the
            distance of their centres, `ciou` at their aspect ratios too (Zheng et al. 2020).
    """
    from torchvision import ops  # takes as long to import as torch

    losses: Tensor = getattr(ops, _OVERLAP_LOSSES[kind])(boxes, targets.to(boxes))
    return losses


_OVERLAP_LOSSES: dict[OverlapLossName, str] = {
    "giou": "generalized_box_iou_loss",
    "diou": "distance_box_iou_loss",
    "ciou": "complete_box_iou_loss",
}


def _sum_offset_loss(
    deltas: Float[Tensor, "B D"], expected: Float[Tensor, "B D"], smooth_l1_beta: float
) -> Float[Tensor, ""]:
    dtype = torch.promote_types(deltas.dtype, expected.dtype)
    return F.smooth_l1_loss(
        deltas.to(dtype), expected.to(dtype), reduction="sum", beta=smooth_l1_beta
    )


def sum_focal_loss(
    logits: Float[Tensor, "*N A K"], classes: Int[Tensor, "*N A"], *, alpha: float, gamma: float
) -> Float[Tensor, ""]:
    """Sums up the focal loss of all anchors that count (Lin et al. 2017, section 3).

    There are many, so that half precision is summed up in float32.

    Args:
        logits: of each class.
        classes: what each anchor is to be: K for the background, -1 where it does not count.
        alpha: weight of the positive class; the negative one has 1 - alpha. Negative for none.
        gamma: exponent that lowers the weight of easy examples.
    """
    from torchvision.ops import sigmoid_focal_loss  # takes as long to import as torch

    counts = classes >= 0
    num_classes = logits.shape[-1]
    predicted = at_least_float32(logits[counts])
    wanted = F.one_hot(classes[counts], num_classes + 1)[:, :-1].to(predicted)
    return sigmoid_focal_loss(predicted, wanted, alpha, gamma, reduction="sum")
