"""The box loss of regions."""

import torch

from composer.ops import (
    AnyBoxWeights,
    BoxLossName,
    check_offsets,
    find_box_kind,
    pick_class_offsets,
    sum_box_loss,
)
from composer.ranges import NonNegative, NonNegativeInt, PositiveInt
from composer.structures import AnyBoxes, BoxDeltas, Classes, Losses


def box_loss(
    box_deltas: BoxDeltas,
    boxes: list[AnyBoxes],
    classes: list[Classes],
    matched_boxes: list[AnyBoxes],
    *,
    num_classes: PositiveInt,
    box_weights: AnyBoxWeights = (10.0, 10.0, 5.0, 5.0),
    bbox_reg_loss_type: BoxLossName = "smooth_l1",
    smooth_l1_beta: NonNegative = 0.0,
    bbox_reg_loss_weight: NonNegative = 1.0,
    stage: NonNegativeInt | None = None,
) -> Losses:
    """Compares predicted boxes with those of the objects (Girshick 2015, eq. 1).

    Only regions with an object have a target box, but the loss is divided by the number of all
    regions, so that each region with an object weighs the same whatever their number.

    Args:
        box_deltas: of all regions: 4 a class, or 4 that the classes share; 5 of rotated ones.
        boxes: the regions, per image.
        classes: target classes per image; `num_classes` for the background.
        matched_boxes: the target box of each region, per image.
        num_classes: number of classes, without the background.
        box_weights: factors of the offsets; that of an angle is 1 where it is left out.
        bbox_reg_loss_type: how boxes are compared; rotated ones by `smooth_l1`.
        smooth_l1_beta: for smooth L1, the error from which on it grows linearly.
        bbox_reg_loss_weight: factor of the loss.
        stage: number of a cascade's stage: the loss is called `loss_box_reg_stage{k}`.

    Returns:
        `loss_box_reg`.

    Raises:
        ValueError: the numbers of predictions and regions, or of offsets and classes differ, or
            the loss does not compare rotated boxes.
    """
    kind = find_box_kind(boxes, box_weights)
    sources, targets = (
        kind.structure.cat(one).tensor.to(box_deltas.device) for one in (boxes, matched_boxes)
    )
    if len(sources) != len(box_deltas):
        raise ValueError(f"{len(sources)} regions, but box offsets of {len(box_deltas)}.")
    check_offsets(box_deltas, num_classes, kind.dim)
    wanted = torch.cat(classes) if classes else torch.zeros(0, dtype=torch.int64)
    wanted = wanted.to(box_deltas.device)
    rows = ((wanted >= 0) & (wanted < num_classes)).nonzero().squeeze(1)
    loss = sum_box_loss(
        pick_class_offsets(box_deltas[rows], wanted[rows], kind.dim),
        sources[rows],
        targets[rows],
        box_weights,
        kind=bbox_reg_loss_type,
        smooth_l1_beta=smooth_l1_beta,
    )
    name = "loss_box_reg" if stage is None else f"loss_box_reg_stage{stage}"
    return {name: loss * (bbox_reg_loss_weight / max(len(wanted), 1))}
