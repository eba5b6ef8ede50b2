"""The losses of SSD.

Legend: N images, A anchors of all levels.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from composer.events import record_scalar
from composer.ops import BoxWeights, sum_box_loss
from composer.ranges import NonNegative, PositiveInt
from composer.structures import AnchorClasses, AnchorDeltas, AnchorLogits, Anchors, Boxes, Losses
from composer_dense.anchor_rows import list_by_anchor
from composer_dense.dense_losses import find_positives, stack_classes


def ssd_loss(
    anchors: Anchors,
    class_logits: AnchorLogits,
    box_deltas: AnchorDeltas,
    classes: list[AnchorClasses],
    boxes: list[Boxes],
    *,
    num_classes: PositiveInt,
    negatives_per_positive: NonNegative = 3.0,
    smooth_l1_beta: NonNegative = 1.0,
    box_weights: BoxWeights = (10.0, 10.0, 5.0, 5.0),
) -> Losses:
    """Cross entropy of positives and of the hardest negatives, and a loss of the positives' boxes.

    Both are divided by the number of positives of the batch (Liu et al. 2016, section 2.2).

    Args:
        anchors: per level.
        class_logits: of every anchor, the background last, per level.
        box_deltas: offsets of every anchor, per level.
        classes: per image, what each anchor is to be: `num_classes` for the background, -1 where
            it does not count.
        boxes: per image, where each anchor is to go.
        num_classes: number of classes, without the background.
        negatives_per_positive: how many negatives of an image count, for each of its positives:
            those with the largest loss.
        smooth_l1_beta: smooth L1 is quadratic below this difference; 0 makes it plain L1.
        box_weights: factors of the offsets.

    Returns:
        `loss_cls` and `loss_box_reg`; without objects both are zero.

    Raises:
        ValueError: the numbers of anchors and predictions differ.
    """
    logits = torch.cat(list_by_anchor(class_logits, anchors), dim=1)
    deltas = torch.cat(list_by_anchor(box_deltas, anchors), dim=1)
    wanted = stack_classes(classes, logits)
    images, rows, targets = find_positives(wanted, boxes, num_classes)
    record_scalar("num_pos_anchors", len(rows) / max(len(classes), 1))
    loss = F.cross_entropy(logits.transpose(1, 2), wanted, ignore_index=-1, reduction="none")
    is_positive = torch.zeros_like(wanted, dtype=torch.bool)
    is_positive[images, rows] = True
    is_hard = find_hard_negatives(
        loss.detach(), is_positive, wanted == num_classes, negatives_per_positive
    )
    loss_box_reg = sum_box_loss(
        deltas[images, rows],
        torch.cat(anchors)[rows],
        targets,
        box_weights,
        smooth_l1_beta=smooth_l1_beta,
    )
    normalizer = max(len(rows), 1)
    return {
        "loss_cls": loss[is_positive | is_hard].sum() / normalizer,
        "loss_box_reg": loss_box_reg / normalizer,
    }


def find_hard_negatives(
    loss: Float[Tensor, "N A"],
    is_positive: Bool[Tensor, "N A"],
    is_negative: Bool[Tensor, "N A"],
    negatives_per_positive: float,
) -> Bool[Tensor, "N A"]:
    """Returns which negatives have the largest losses of their image.

    Args:
        loss: of each anchor.
        is_positive: which anchors are for an object.
        is_negative: which are for the background.
        negatives_per_positive: how many are taken, for each positive of the image.
    """
    limits = is_positive.sum(dim=1, keepdim=True) * negatives_per_positive
    order = loss.masked_fill(~is_negative, -torch.inf).argsort(dim=1, descending=True)
    ranks: Int[Tensor, "N A"] = order.argsort(dim=1)
    return (ranks < limits) & is_negative
