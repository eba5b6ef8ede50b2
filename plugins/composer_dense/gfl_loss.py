"""The losses of detectors with distributions of distances (generalized focal loss).

Legend: P positive cells over all images, K classes, B bins, D distances.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from composer.events import record_scalar
from composer.ops import decode_distances, encode_distances, list_overlap_losses
from composer.ranges import NonNegative
from composer.structures import (
    AnchorClasses,
    AnchorLogits,
    Anchors,
    Boxes,
    DistanceLogits,
    EdgeDistances,
    Losses,
    at_least_float32,
)
from composer_dense.anchor_rows import list_by_anchor
from composer_dense.dense_losses import find_positives, stack_classes

# A target distance lies between two bins, so that the last one is out of reach.
_BIN_MARGIN = 0.01


def gfl_loss(
    anchors: Anchors,
    class_logits: AnchorLogits,
    distance_logits: DistanceLogits,
    edge_distances: EdgeDistances,
    classes: list[AnchorClasses],
    boxes: list[Boxes],
    *,
    beta: NonNegative = 2.0,
    loc_weight: NonNegative = 2.0,
    dfl_weight: NonNegative = 0.25,
) -> Losses:
    """Losses of class, box and distribution of every cell (Li et al. 2020).

    The target of a class is the overlap of the predicted box with the object: quality focal
    loss. It is divided by the number of positive cells. Boxes have a loss of generalised
    intersection over union, distances the distribution focal loss; both are averages over the
    positive cells, weighted by their highest probability of a class.

    Args:
        anchors: per level, one a cell: its centre is the cell's place, its side the stride.
        class_logits: of every cell, per level.
        distance_logits: of every cell, per level.
        edge_distances: the means of these distributions.
        classes: per image, what each cell is to be.
        boxes: per image, the box that each cell is for.
        beta: exponent that lowers the weight of good predictions.
        loc_weight: weight of the loss of boxes.
        dfl_weight: weight of the loss of distributions.

    Returns:
        `loss_gfl_cls`, `loss_gfl_loc` and `loss_gfl_dfl`. Without objects the last two are zero.

    Raises:
        ValueError: there is not one anchor a cell.
    """
    logits, bins, distances = (
        at_least_float32(torch.cat(list_by_anchor(maps, anchors), dim=1))
        for maps in (class_logits, distance_logits, edge_distances)
    )
    wanted = stack_classes(classes, logits)
    images, rows, truth = find_positives(wanted, boxes, logits.shape[2])
    record_scalar("num_pos_anchors", len(rows) / max(len(classes), 1))
    cells = torch.cat(anchors)[rows]
    predicted = decode_distances(distances[images, rows], cells)
    quality = torch.zeros_like(logits)
    quality[images, rows, wanted[images, rows]] = _measure_overlap(predicted, truth).to(logits)
    is_known = (wanted >= 0)[..., None]
    loss_cls = (_focus(logits, quality, beta) * is_known).sum() / max(len(rows), 1)

    weights = logits.detach().sigmoid()[images, rows].amax(dim=1)
    shares = weights / weights.sum().clamp(min=1e-6)
    own_bins = bins[images, rows].reshape(len(rows), 4, bins.shape[2] // 4)
    loss_dfl = _spread_loss(own_bins, encode_distances(cells, truth)).mean(dim=1)
    return {
        "loss_gfl_cls": loss_cls,
        "loss_gfl_loc": loc_weight * (list_overlap_losses(predicted, truth, "giou") * shares).sum(),
        "loss_gfl_dfl": dfl_weight * (loss_dfl * shares).sum(),
    }


def _focus(
    logits: Float[Tensor, "*cells K"], quality: Float[Tensor, "*cells K"], beta: float
) -> Float[Tensor, "*cells K"]:
    """The quality focal loss of each class (equation 4)."""
    error = (quality - logits.sigmoid()).abs() ** beta
    return error * F.binary_cross_entropy_with_logits(logits, quality, reduction="none")


def _spread_loss(
    logits: Float[Tensor, "P D B"], distances: Float[Tensor, "P D"]
) -> Float[Tensor, "P D"]:
    """The distribution focal loss: cross-entropy of both bins beside a distance (equation 6)."""
    last = logits.shape[2] - 1
    wanted = distances.to(logits).clamp(0, last - _BIN_MARGIN)
    left: Int[Tensor, "P D"] = wanted.long()
    share = wanted - left
    chances = logits.log_softmax(dim=2)
    below, above = (chances.gather(2, bin_[..., None]).squeeze(2) for bin_ in (left, left + 1))
    return -(below * (1 - share) + above * share)


@torch.no_grad()
def _measure_overlap(
    predicted: Float[Tensor, "P 4"], truth: Float[Tensor, "P 4"]
) -> Float[Tensor, "P"]:
    """Returns the intersection over union of each box with its own object."""
    truth = truth.to(predicted)
    sides = torch.minimum(predicted[:, 2:], truth[:, 2:]) - torch.maximum(
        predicted[:, :2], truth[:, :2]
    )
    shared = sides.clamp(min=0).prod(dim=1)
    areas = [(one[:, 2:] - one[:, :2]).prod(dim=1) for one in (predicted, truth)]
    return shared / (areas[0] + areas[1] - shared).clamp(min=1e-6)
