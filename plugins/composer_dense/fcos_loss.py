"""The losses of FCOS.

Legend: P positive cells over all images.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.events import record_scalar
from composer.ops import decode_distances, encode_distances, sum_focal_loss, sum_overlap_loss
from composer.ranges import Finite, Fraction, NonNegative, Positive
from composer.structures import (
    AnchorClasses,
    AnchorLogits,
    Anchors,
    Boxes,
    Centerness,
    EdgeDistances,
    Losses,
)
from composer_dense.anchor_rows import list_by_anchor
from composer_dense.dense_losses import MovingNormalizer, find_positives, stack_classes


class FCOSLoss(nn.Module):
    """Focal loss of the classes, overlap loss of the boxes, and a loss of centerness.

    All are divided by a moving average of the number of positive cells (Tian et al. 2019, equation
    2; boxes by generalised intersection over union, as in 2020).

    Args:
        focal_loss_alpha: weight of the positive class, against the negative one.
        focal_loss_gamma: exponent that lowers the weight of easy examples.
        initial_normalizer: the number of positive cells that is assumed at first.
        normalizer_momentum: the share of the old average in the new one; 0 divides by the number
            of the batch, as torchvision does.
    """

    def __init__(
        self,
        *,
        focal_loss_alpha: Finite = 0.25,
        focal_loss_gamma: NonNegative = 2.0,
        initial_normalizer: Positive = 300.0,
        normalizer_momentum: Fraction = 0.9,
    ) -> None:
        super().__init__()
        self.focal_loss_alpha = focal_loss_alpha
        self.focal_loss_gamma = focal_loss_gamma
        self.loss_normalizer = MovingNormalizer(
            initial=initial_normalizer, momentum=normalizer_momentum
        )

    def forward(
        self,
        anchors: Anchors,
        class_logits: AnchorLogits,
        edge_distances: EdgeDistances,
        centerness: Centerness,
        classes: list[AnchorClasses],
        boxes: list[Boxes],
    ) -> Losses:
        """Returns `loss_fcos_cls`, `loss_fcos_loc` and `loss_fcos_ctr`.

        Without objects the last two are zero.

        Args:
            anchors: per level, one a cell.
            class_logits: of every cell, per level.
            edge_distances: of every cell, per level.
            centerness: logits of every cell, per level.
            classes: per image, what each cell is to be.
            boxes: per image, the box that each cell is for.

        Raises:
            ValueError: there is not one anchor a cell.
        """
        logits, distances, centers = (
            torch.cat(list_by_anchor(maps, anchors), dim=1)
            for maps in (class_logits, edge_distances, centerness)
        )
        wanted = stack_classes(classes, logits)
        images, rows, targets = find_positives(wanted, boxes, logits.shape[2])
        record_scalar("num_pos_anchors", len(rows) / max(len(classes), 1))
        normalizer = self.loss_normalizer(len(rows))
        loss_cls = sum_focal_loss(
            logits, wanted, alpha=self.focal_loss_alpha, gamma=self.focal_loss_gamma
        )
        cells = torch.cat(anchors)[rows]
        predicted = decode_distances(distances[images, rows], cells)
        loss_loc = sum_overlap_loss(predicted, targets, "giou")
        loss_center = F.binary_cross_entropy_with_logits(
            centers[images, rows, 0],
            measure_centerness(encode_distances(cells, targets)).to(centers.dtype),
            reduction="sum",
        )
        return {
            "loss_fcos_cls": loss_cls / normalizer,
            "loss_fcos_loc": loss_loc / normalizer,
            "loss_fcos_ctr": loss_center / normalizer,
        }


def measure_centerness(distances: Float[Tensor, "P 4"]) -> Float[Tensor, "P"]:
    """Returns the centerness of points in their boxes (Tian et al. 2019, equation 3).

    Args:
        distances: to the left, top, right and bottom edge, all positive.

    Returns:
        1 in the middle, towards 0 at the edges.
    """
    pairs = distances.reshape(len(distances), 2, 2)
    shares = pairs.amin(dim=1) / pairs.amax(dim=1)
    return shares.prod(dim=1).sqrt()
