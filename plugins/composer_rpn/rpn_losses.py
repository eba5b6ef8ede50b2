"""The losses of an RPN."""

from composer.ops import (
    AnyBoxWeights,
    BoxLossName,
    find_box_kind,
    pick_labelled_anchors,
    sum_box_loss,
)
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
    labelled = pick_labelled_anchors(kind, anchors, objectness, deltas, labels, boxes)
    box_loss = sum_box_loss(
        labelled.offsets,
        labelled.sources,
        labelled.targets,
        box_weights,
        kind=bbox_reg_loss_type,
        smooth_l1_beta=smooth_l1_beta,
    )
    drawn = labelled.num_counting if divide_by_drawn else batch_size_per_image * len(labels)
    normalizer = max(drawn, 1)
    return {
        "loss_rpn_cls": labelled.class_loss * (loss_weight / normalizer),
        "loss_rpn_loc": box_loss * (loss_weight * bbox_reg_loss_weight / normalizer),
    }
