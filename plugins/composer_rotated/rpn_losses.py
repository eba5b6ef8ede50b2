"""How wrong a rotated RPN is."""

from composer.ops import (
    ROTATED,
    RotatedBoxWeights,
    encode_rotated_boxes,
    pick_labelled_anchors,
    sum_offset_loss,
)
from composer.ranges import NonNegative, PositiveInt
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
    batch_size_per_image: PositiveInt = 256,
    box_weights: RotatedBoxWeights = (1.0, 1.0, 1.0, 1.0, 1.0),
    smooth_l1_beta: NonNegative = 0.0,
    bbox_reg_loss_weight: NonNegative = 1.0,
    loss_weight: NonNegative = 1.0,
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
    labelled = pick_labelled_anchors(ROTATED, anchors, objectness, deltas, labels, boxes)
    wanted = encode_rotated_boxes(labelled.sources, labelled.targets, box_weights)
    box_loss = sum_offset_loss(labelled.offsets, wanted, smooth_l1_beta)
    normalizer = max(batch_size_per_image * len(labels), 1)
    return {
        "loss_rpn_cls": labelled.class_loss * (loss_weight / normalizer),
        "loss_rpn_loc": box_loss * (loss_weight * bbox_reg_loss_weight / normalizer),
    }
