"""How wrong the boxes of rotated regions are.

Legend: R regions over all images. `_` is 5 offsets for one or all classes.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from composer.ops import encode_rotated_boxes
from composer.structures import BoxDeltas, Classes, Losses, RotatedBoxes


def rotated_box_loss(
    box_deltas: BoxDeltas,
    boxes: list[RotatedBoxes],
    classes: list[Classes],
    matched_boxes: list[RotatedBoxes],
    *,
    num_classes: int = 80,
    box_weights: tuple[float, float, float, float, float] = (10.0, 10.0, 5.0, 5.0, 1.0),
    smooth_l1_beta: float = 0.0,
    bbox_reg_loss_weight: float = 1.0,
) -> Losses:
    """Compares the offsets that are predicted with those that lead to the objects.

    Smooth L1 (Girshick 2015, section 2.3). Only regions with an object have a box to learn, but
    the loss is divided by the number of all regions.

    Args:
        box_deltas: of all regions: 5 a class, or 5 that the classes share.
        boxes: the regions, per image.
        classes: what each region is, per image; `num_classes` for the background.
        matched_boxes: where the offsets of each region should lead, per image.
        num_classes: number of classes, without the background.
        box_weights: factors of the offsets, the last one of the angle's.
        smooth_l1_beta: the error from which on the loss grows linearly.
        bbox_reg_loss_weight: factor of the loss.

    Returns:
        `loss_box_reg`.

    Raises:
        ValueError: there are not as many predictions as regions.
    """
    source, target = (
        RotatedBoxes.cat(one).tensor.to(box_deltas.device) for one in (boxes, matched_boxes)
    )
    if len(source) != len(box_deltas):
        raise ValueError(f"{len(source)} regions, but box offsets of {len(box_deltas)}.")
    wanted = torch.cat(classes) if classes else torch.zeros(0, dtype=torch.int64)
    wanted = wanted.to(box_deltas.device)
    rows = ((wanted >= 0) & (wanted < num_classes)).nonzero().squeeze(1)
    offsets = _pick_class_deltas(box_deltas[rows], wanted[rows])
    aim = encode_rotated_boxes(source[rows], target[rows], box_weights).to(offsets.dtype)
    loss = F.smooth_l1_loss(offsets, aim, reduction="sum", beta=smooth_l1_beta)
    return {"loss_box_reg": loss * (bbox_reg_loss_weight / max(len(wanted), 1))}


def _pick_class_deltas(
    deltas: Float[Tensor, "R _"], classes: Int[Tensor, "R"]
) -> Float[Tensor, "R 5"]:
    """Returns each region's offsets for its class, or those that the classes share."""
    per_class = deltas.reshape(len(deltas), deltas.shape[1] // 5, 5)
    columns = classes if per_class.shape[1] > 1 else torch.zeros_like(classes)
    return per_class[torch.arange(len(deltas), device=deltas.device), columns]
