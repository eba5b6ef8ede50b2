"""The losses of RetinaNet."""

import torch
from torch import nn

from composer.events import record_scalar
from composer.ops import BoxLossName, BoxWeights, sum_box_loss, sum_focal_loss
from composer.ranges import Finite, NonNegative, Positive
from composer.structures import AnchorClasses, AnchorDeltas, AnchorLogits, Anchors, Boxes, Losses
from composer_dense.anchor_rows import list_by_anchor
from composer_dense.dense_losses import MovingNormalizer, find_positives, stack_classes


class RetinaNetLoss(nn.Module):
    """Focal loss of the classes, and a loss of the boxes (Lin et al. 2017, sections 3 and 4).

    Both are divided by a moving average of the number of positive anchors.

    Args:
        focal_loss_alpha: weight of the positive class, against the negative one.
        focal_loss_gamma: exponent that lowers the weight of easy examples.
        bbox_reg_loss_type: see `sum_box_loss`.
        smooth_l1_beta: smooth L1 is quadratic below this difference; 0 makes it plain L1.
        box_weights: factors of the offsets.
        initial_normalizer: the number of positive anchors that is assumed at first.
    """

    def __init__(
        self,
        *,
        focal_loss_alpha: Finite = 0.25,
        focal_loss_gamma: NonNegative = 2.0,
        bbox_reg_loss_type: BoxLossName = "smooth_l1",
        smooth_l1_beta: NonNegative = 0.0,
        box_weights: BoxWeights = (1.0, 1.0, 1.0, 1.0),
        initial_normalizer: Positive = 100.0,
    ) -> None:
        super().__init__()
        self.focal_loss_alpha = focal_loss_alpha
        self.focal_loss_gamma = focal_loss_gamma
        self.bbox_reg_loss_type = bbox_reg_loss_type
        self.smooth_l1_beta = smooth_l1_beta
        self.box_weights = box_weights
        self.loss_normalizer = MovingNormalizer(initial=initial_normalizer)

    def forward(
        self,
        anchors: Anchors,
        class_logits: AnchorLogits,
        box_deltas: AnchorDeltas,
        classes: list[AnchorClasses],
        boxes: list[Boxes],
    ) -> Losses:
        """Returns `loss_cls` and `loss_box_reg`; without objects the latter is zero.

        Args:
            anchors: per level.
            class_logits: of every anchor, per level.
            box_deltas: offsets of every anchor, per level.
            classes: per image, what each anchor is to be.
            boxes: per image, where each anchor is to go.

        Raises:
            ValueError: the numbers of anchors and predictions differ.
        """
        logits = torch.cat(list_by_anchor(class_logits, anchors), dim=1)
        deltas = torch.cat(list_by_anchor(box_deltas, anchors), dim=1)
        wanted = stack_classes(classes, logits)
        images, rows, targets = find_positives(wanted, boxes, logits.shape[2])
        record_scalar("num_pos_anchors", len(rows) / max(len(classes), 1))
        normalizer = self.loss_normalizer(len(rows))
        loss_cls = sum_focal_loss(
            logits, wanted, alpha=self.focal_loss_alpha, gamma=self.focal_loss_gamma
        )
        loss_box_reg = sum_box_loss(
            deltas[images, rows],
            torch.cat(anchors)[rows],
            targets,
            self.box_weights,
            kind=self.bbox_reg_loss_type,
            smooth_l1_beta=self.smooth_l1_beta,
        )
        return {"loss_cls": loss_cls / normalizer, "loss_box_reg": loss_box_reg / normalizer}
