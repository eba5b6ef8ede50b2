"""The losses of an RPN.

Legend: N images, A anchors of all levels.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int
from torch import Tensor

from composer.events import record_scalar
from composer.ops import AnyBoxWeights, BoxLossName, find_box_kind, flatten_cells, sum_box_loss
from composer.ranges import NonNegative, PositiveInt
from composer.structures import (
    AnchorDeltas,
    AnchorLabels,
    AnyAnchors,
    AnyBoxes,
    Losses,
    Objectness,
)


def rpn_losses(
    anchors: AnyAnchors,
    objectness: Objectness,
    deltas: AnchorDeltas,
    labels: list[AnchorLabels],
    boxes: list[AnyBoxes],
    *,
    batch_size_per_image: PositiveInt = 256,
    box_weights: AnyBoxWeights = (1.0, 1.0, 1.0, 1.0),
    bbox_reg_loss_type: BoxLossName = "smooth_l1",
    smooth_l1_beta: NonNegative = 0.0,
    bbox_reg_loss_weight: NonNegative = 1.0,
    loss_weight: NonNegative = 1.0,
    divide_by_drawn: bool = False,
) -> Losses:
    """Compares predictions of an RPN with their targets (Ren et al. 2015, equation 1).

    Both losses are divided by the number of anchors to sample (of which there may be fewer), or by
    the number of those sampled. Records `rpn/num_pos_anchors` and
    `rpn/num_neg_anchors`, per image.

    Args:
        anchors: per level.
        objectness: logits per level.
        deltas: box offsets per level.
        labels: per image, of all anchors: 1, 0, or -1 for ignored ones.
        boxes: per image, the target box of each anchor.
        batch_size_per_image: number of anchors to sample per image.
        box_weights: factors of the offsets; that of an angle is 1 where it is left out.
        bbox_reg_loss_type: how boxes are compared; rotated ones by `smooth_l1`.
        smooth_l1_beta: for smooth L1, the error from which on it grows linearly.
        bbox_reg_loss_weight: factor of `loss_rpn_loc`, besides `loss_weight`.
        loss_weight: factor of both losses.
        divide_by_drawn: whether to divide by the number of sampled anchors.

    Returns:
        `loss_rpn_cls` and `loss_rpn_loc`.

    Raises:
        ValueError: the numbers of labels, predictions and anchors differ, or the loss does not
            compare rotated boxes.
    """
    kind = find_box_kind(anchors)
    logits = torch.cat([flatten_cells(level).squeeze(2) for level in objectness], dim=1)
    wanted = torch.stack(list(labels)) if labels else logits.new_zeros(logits.shape).long()
    if wanted.shape != logits.shape:
        raise ValueError(
            f"Labels of {tuple(wanted.shape)} images and anchors, but objectness of "
            f"{tuple(logits.shape)}."
        )
    is_object, counts = wanted == 1, wanted >= 0
    _record_counts(is_object, counts)
    class_loss = F.binary_cross_entropy_with_logits(
        logits[counts], wanted[counts].to(logits.dtype), reduction="sum"
    )
    images, positions = is_object.nonzero(as_tuple=True)
    offsets = torch.cat([flatten_cells(level, kind.dim) for level in deltas], dim=1)
    box_loss = sum_box_loss(
        offsets[images, positions],
        torch.cat(anchors)[positions],
        kind.structure.cat(boxes).tensor.to(offsets.device)[images * counts.shape[1] + positions],
        box_weights,
        kind=bbox_reg_loss_type,
        smooth_l1_beta=smooth_l1_beta,
    )
    drawn = int(counts.sum()) if divide_by_drawn else batch_size_per_image * len(labels)
    normalizer = max(drawn, 1)
    return {
        "loss_rpn_cls": class_loss * (loss_weight / normalizer),
        "loss_rpn_loc": box_loss * (loss_weight * bbox_reg_loss_weight / normalizer),
    }


def _record_counts(is_object: Bool[Tensor, "N A"], counts: Bool[Tensor, "N A"]) -> None:
    num_images = max(len(is_object), 1)
    num_objects: Int[Tensor, ""] = is_object.sum()
    record_scalar("rpn/num_pos_anchors", num_objects / num_images)
    record_scalar("rpn/num_neg_anchors", (counts.sum() - num_objects) / num_images)
