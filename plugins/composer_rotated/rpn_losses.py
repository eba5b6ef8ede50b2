"""How wrong a rotated RPN is.

Legend: N images, A anchors of all levels. `_` is the anchors of a level, or those that count.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from composer.events import record_scalar
from composer.ops import encode_rotated_boxes, flatten_cells
from composer.structures import (
    AnchorDeltas,
    AnchorLabels,
    Losses,
    Objectness,
    RotatedAnchors,
    RotatedBoxes,
)


def rotated_rpn_losses(
    anchors: RotatedAnchors,
    objectness: Objectness,
    deltas: AnchorDeltas,
    labels: list[AnchorLabels],
    boxes: list[RotatedBoxes],
    *,
    batch_size_per_image: int = 256,
    box_weights: tuple[float, float, float, float, float] = (1.0, 1.0, 1.0, 1.0, 1.0),
    smooth_l1_beta: float = 0.0,
    bbox_reg_loss_weight: float = 1.0,
    loss_weight: float = 1.0,
) -> Losses:
    """Compares what an RPN says with what it should say (Ren et al. 2015, equation 1).

    Both losses are divided by the number of anchors that were to be drawn, which need not be
    there. Records `rpn/num_pos_anchors` and `rpn/num_neg_anchors`, per image.

    Args:
        anchors: per level.
        objectness: logits per level.
        deltas: box offsets per level.
        labels: per image, of all anchors: 1, 0, or -1 for what does not count.
        boxes: per image, where the offsets of each anchor should lead.
        batch_size_per_image: how many anchors of an image were to be drawn.
        box_weights: factors of the offsets, the last one of the angle's.
        smooth_l1_beta: the error from which on the loss grows linearly.
        bbox_reg_loss_weight: factor of `loss_rpn_loc`, besides `loss_weight`.
        loss_weight: factor of both losses.

    Returns:
        `loss_rpn_cls` and `loss_rpn_loc`.

    Raises:
        ValueError: there are not as many labels or predictions as anchors.
    """
    logits = torch.cat([flatten_cells(level).squeeze(2) for level in objectness], dim=1)
    wanted = torch.stack(labels) if labels else logits.new_zeros(logits.shape, dtype=torch.int64)
    if wanted.shape != logits.shape:
        raise ValueError(
            f"Labels of {tuple(wanted.shape)} images and anchors, but objectness of "
            f"{tuple(logits.shape)}."
        )
    is_object, counts = wanted == 1, wanted >= 0
    _record_counts(is_object, counts)
    source, target, offsets = _pick_objects(anchors, boxes, deltas, is_object)
    class_loss = F.binary_cross_entropy_with_logits(
        logits[counts], wanted[counts].to(logits.dtype), reduction="sum"
    )
    aim = encode_rotated_boxes(source, target, box_weights).to(offsets.dtype)
    box_loss = F.smooth_l1_loss(offsets, aim, reduction="sum", beta=smooth_l1_beta)
    normalizer = max(batch_size_per_image * len(labels), 1)
    return {
        "loss_rpn_cls": class_loss * (loss_weight / normalizer),
        "loss_rpn_loc": box_loss * (loss_weight * bbox_reg_loss_weight / normalizer),
    }


def _pick_objects(
    anchors: list[Float[Tensor, "_ 5"]],
    boxes: list[RotatedBoxes],
    deltas: list[Float[Tensor, "N _ _ _"]],
    is_object: Bool[Tensor, "N A"],
) -> tuple[Float[Tensor, "_ 5"], Float[Tensor, "_ 5"], Float[Tensor, "_ 5"]]:
    """Returns anchors, wanted boxes and offsets of the anchors that are objects."""
    images, positions = is_object.nonzero(as_tuple=True)
    offsets = torch.cat([flatten_cells(level, 5) for level in deltas], dim=1)
    wanted = RotatedBoxes.cat(boxes).tensor.to(offsets.device)
    rows = images * is_object.shape[1] + positions
    return torch.cat(anchors)[positions], wanted[rows], offsets[images, positions]


def _record_counts(is_object: Bool[Tensor, "N A"], counts: Bool[Tensor, "N A"]) -> None:
    num_images = max(len(is_object), 1)
    num_objects = is_object.sum()
    record_scalar("rpn/num_pos_anchors", num_objects / num_images)
    record_scalar("rpn/num_neg_anchors", (counts.sum() - num_objects) / num_images)
