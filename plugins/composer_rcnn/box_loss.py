"""How wrong the boxes of regions are.

Legend: R regions over all images, K classes.
"""

import torch

from composer.ops import BoxLossName, sum_box_loss
from composer.structures import BoxDeltas, Boxes, Classes, Losses
from composer_rcnn.class_columns import pick_class_deltas


def box_loss(
    box_deltas: BoxDeltas,
    boxes: list[Boxes],
    classes: list[Classes],
    matched_boxes: list[Boxes],
    *,
    num_classes: int = 80,
    box_weights: tuple[float, float, float, float] = (10.0, 10.0, 5.0, 5.0),
    bbox_reg_loss_type: BoxLossName = "smooth_l1",
    smooth_l1_beta: float = 0.0,
    bbox_reg_loss_weight: float = 1.0,
    stage: int | None = None,
) -> Losses:
    """Compares the boxes that are predicted with those of the objects (Girshick 2015, eq. 1).

    Only regions with an object have a box to learn, but the loss is divided by the number of all
    regions, so that each region with an object weighs the same whatever their number.

    Args:
        box_deltas: of all regions: 4 a class, or 4 that the classes share.
        boxes: the regions, per image.
        classes: what each region is, per image; `num_classes` for the background.
        matched_boxes: where the offsets of each region should lead, per image.
        num_classes: number of classes, without the background.
        box_weights: factors of the offsets.
        bbox_reg_loss_type: how boxes are compared.
        smooth_l1_beta: for smooth L1, the error from which on it grows linearly.
        bbox_reg_loss_weight: factor of the loss.
        stage: number of a cascade's stage: the loss is called `loss_box_reg_stage{k}`.

    Returns:
        `loss_box_reg`.

    Raises:
        ValueError: there are not as many predictions as regions.
    """
    source, target = (Boxes.cat(one).tensor.to(box_deltas.device) for one in (boxes, matched_boxes))
    if len(source) != len(box_deltas):
        raise ValueError(f"{len(source)} regions, but box offsets of {len(box_deltas)}.")
    wanted = torch.cat(classes) if classes else torch.zeros(0, dtype=torch.int64)
    wanted = wanted.to(box_deltas.device)
    rows = ((wanted >= 0) & (wanted < num_classes)).nonzero().squeeze(1)
    loss = sum_box_loss(
        pick_class_deltas(box_deltas[rows], wanted[rows]),
        source[rows],
        target[rows],
        box_weights,
        kind=bbox_reg_loss_type,
        smooth_l1_beta=smooth_l1_beta,
    )
    name = "loss_box_reg" if stage is None else f"loss_box_reg_stage{stage}"
    return {name: loss * (bbox_reg_loss_weight / max(len(wanted), 1))}
