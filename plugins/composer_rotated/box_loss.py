"""How wrong the boxes of rotated regions are."""

from composer.ops import (
    ROTATED,
    RotatedBoxWeights,
    encode_rotated_boxes,
    pick_object_offsets,
    sum_offset_loss,
)
from composer.ranges import NonNegative, PositiveInt
from composer.structures import BoxDeltas, Classes, Losses, RotatedBoxes


def rotated_box_loss(
    box_deltas: BoxDeltas,
    boxes: list[RotatedBoxes],
    classes: list[Classes],
    matched_boxes: list[RotatedBoxes],
    *,
    num_classes: PositiveInt = 80,
    box_weights: RotatedBoxWeights = (10.0, 10.0, 5.0, 5.0, 1.0),
    smooth_l1_beta: NonNegative = 0.0,
    bbox_reg_loss_weight: NonNegative = 1.0,
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
    found = pick_object_offsets(ROTATED, box_deltas, boxes, classes, matched_boxes, num_classes)
    wanted = encode_rotated_boxes(found.sources, found.targets, box_weights)
    loss = sum_offset_loss(found.offsets, wanted, smooth_l1_beta)
    return {"loss_box_reg": loss * (bbox_reg_loss_weight / max(found.num_regions, 1))}
