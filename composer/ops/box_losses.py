"""How far predicted boxes are from the boxes that they should be, as a sum over all of them.

Legend: B boxes. `_` is the offsets of a box.

Nothing is divided by the number of boxes: detectors have their own ideas about that. No boxes
have a loss of zero, which still has a gradient (of zero).
"""

from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from composer.ops.box_coding import BoxWeights, decode_deltas, encode_boxes

OverlapLossName: TypeAlias = Literal["giou", "diou", "ciou"]
BoxLossName: TypeAlias = Literal["smooth_l1", "giou", "diou", "ciou"]


def sum_box_loss(
    deltas: Float[Tensor, "B 4"],
    sources: Float[Tensor, "B 4"],
    targets: Float[Tensor, "B 4"],
    weights: BoxWeights,
    *,
    kind: BoxLossName = "smooth_l1",
    smooth_l1_beta: float = 0.0,
) -> Float[Tensor, ""]:
    """Returns the loss of predicted box offsets.

    Args:
        deltas: the predicted offsets.
        sources: the boxes that the offsets start from, XYXY in pixels.
        targets: the boxes that they should lead to.
        weights: factors of the offsets.
        kind: `smooth_l1` compares the offsets (Girshick 2015, section 2.3), the others compare
            the boxes; see `sum_overlap_loss`.
        smooth_l1_beta: smooth L1 is quadratic below this difference; 0 makes it plain L1.
    """
    if kind == "smooth_l1":
        return sum_offset_loss(deltas, encode_boxes(sources, targets, weights), smooth_l1_beta)
    return sum_overlap_loss(decode_deltas(deltas, sources, weights), targets, kind)


def sum_offset_loss(
    deltas: Float[Tensor, "B _"], wanted: Float[Tensor, "B _"], smooth_l1_beta: float
) -> Float[Tensor, ""]:
    """Returns the smooth L1 loss of predicted offsets of any kind (Girshick 2015, section 2.3).

    Args:
        deltas: the predicted offsets.
        wanted: those that they should be.
        smooth_l1_beta: the loss is quadratic below this difference; 0 makes it plain L1.
    """
    dtype = torch.promote_types(deltas.dtype, wanted.dtype)
    return F.smooth_l1_loss(
        deltas.to(dtype), wanted.to(dtype), reduction="sum", beta=smooth_l1_beta
    )


def sum_overlap_loss(
    boxes: Float[Tensor, "B 4"], targets: Float[Tensor, "B 4"], kind: OverlapLossName
) -> Float[Tensor, ""]:
    """Returns the loss of predicted boxes by how they overlap those that they should be.

    Args:
        boxes: the predicted boxes, XYXY in pixels.
        targets: the boxes that they should be.
        kind: `giou` also looks at the box around both (Rezatofighi et al. 2019), `diou` at the
            distance of their centres, `ciou` at their aspect ratios too (Zheng et al. 2020).
    """
    from torchvision import ops  # takes as long to import as torch

    loss = getattr(ops, _OVERLAP_LOSSES[kind])
    return loss(boxes, targets.to(boxes), reduction="sum")


_OVERLAP_LOSSES: dict[OverlapLossName, str] = {
    "giou": "generalized_box_iou_loss",
    "diou": "distance_box_iou_loss",
    "ciou": "complete_box_iou_loss",
}
