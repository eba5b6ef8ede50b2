"""The losses of RetinaNet, as torchvision divides them.

Legend: A anchors of all levels, K classes.
"""

import torch

from composer.ops import BoxLossName, flatten_cells, sum_box_loss, sum_focal_loss
from composer.ranges import Finite, NonNegative, PositiveInt
from composer.structures import AnchorClasses, AnchorDeltas, AnchorLogits, Anchors, Boxes, Losses

_BOX_WEIGHTS = (1.0, 1.0, 1.0, 1.0)


def torchvision_retinanet_loss(
    anchors: Anchors,
    class_logits: AnchorLogits,
    box_deltas: AnchorDeltas,
    classes: list[AnchorClasses],
    boxes: list[Boxes],
    *,
    num_classes: PositiveInt,
    focal_loss_alpha: Finite = 0.25,
    focal_loss_gamma: NonNegative = 2.0,
    bbox_reg_loss_type: BoxLossName = "smooth_l1",
    smooth_l1_beta: NonNegative = 0.0,
) -> Losses:
    """Divides each image's losses by the number of its own positive anchors, and averages them.

    Args:
        anchors: per level.
        class_logits: of every anchor, per level.
        box_deltas: offsets of every anchor, per level.
        classes: per image, what each anchor is to be: `num_classes` for the background, -1 where
            it does not count.
        boxes: per image, where each anchor is to go.
        num_classes: number of classes.
        focal_loss_alpha: weight of the positive class, against the negative one.
        focal_loss_gamma: exponent that lowers the weight of easy examples.
        bbox_reg_loss_type: see `sum_box_loss`.
        smooth_l1_beta: smooth L1 is quadratic below this difference; 0 makes it plain L1.

    Returns:
        `loss_cls` and `loss_box_reg`; without objects the latter is zero.
    """
    logits = torch.cat([flatten_cells(level, num_classes) for level in class_logits], dim=1)
    deltas = torch.cat([flatten_cells(level, 4) for level in box_deltas], dim=1)
    sources = torch.cat(anchors)
    loss_cls, loss_box_reg = logits.sum() * 0.0, deltas.sum() * 0.0
    for image, (wanted, target) in enumerate(zip(classes, boxes, strict=True)):
        rows = ((wanted >= 0) & (wanted < num_classes)).nonzero().squeeze(1)
        normalizer = max(len(rows), 1) * len(classes)
        focal = sum_focal_loss(
            logits[image], wanted, alpha=focal_loss_alpha, gamma=focal_loss_gamma
        )
        loss_cls = loss_cls + focal / normalizer
        box_loss = sum_box_loss(
            deltas[image, rows],
            sources[rows],
            target.tensor[rows],
            _BOX_WEIGHTS,
            kind=bbox_reg_loss_type,
            smooth_l1_beta=smooth_l1_beta,
        )
        loss_box_reg = loss_box_reg + box_loss / normalizer
    return {"loss_cls": loss_cls, "loss_box_reg": loss_box_reg}
