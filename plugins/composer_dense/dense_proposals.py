"""Region proposals from a dense detector."""

from typing import NamedTuple

import torch

from composer.ops import decode_distances
from composer.ranges import Fraction, NonNegativeInt, PositiveInt
from composer.structures import (
    AnchorLogits,
    Anchors,
    Boxes,
    EdgeDistances,
    ImageList,
    Scores,
)
from composer.translation import translated_by
from composer_dense.anchor_rows import list_by_anchor
from composer_dense.selection import SelectionLimits, detect_each_image


class DenseProposals(NamedTuple):
    """The proposals of every image, best first.

    Args:
        boxes: per image, XYXY in pixels, clipped to the image.
        objectness_logits: per image, one a box.
    """

    boxes: list[Boxes]
    objectness_logits: list[Scores]


@translated_by("composer_dense.onnx_translations:translate_dense_proposals")
@torch.no_grad()
def dense_proposals(
    images: ImageList,
    anchors: Anchors,
    class_logits: AnchorLogits,
    edge_distances: EdgeDistances,
    *,
    topk_candidates: PositiveInt = 1000,
    nms_threshold: Fraction = 0.7,
    max_per_image: NonNegativeInt = 300,
) -> DenseProposals:
    """Takes the best cells of a dense detector as proposals (Zhou et al. 2021).

    The objectness of a cell is that of its most probable class. Gradients do not flow through
    proposals.

    Args:
        images: for the sizes that boxes are clipped to.
        anchors: per level, one a cell: its centre is the cell's place, its side the stride.
        class_logits: of every cell, per level.
        edge_distances: of every cell, per level.
        topk_candidates: how many cells of a level are considered.
        nms_threshold: intersection over union above which the worse of two boxes is suppressed.
        max_per_image: limit of proposals per image.

    Raises:
        ValueError: there is not one anchor a cell.
    """
    logits = [rows.amax(dim=2, keepdim=True) for rows in list_by_anchor(class_logits, anchors)]
    distances = list_by_anchor(edge_distances, anchors)
    limits = SelectionLimits(float("-inf"), topk_candidates, nms_threshold, max_per_image)
    found = detect_each_image(anchors, logits, distances, decode_distances, limits, images)
    return DenseProposals(found.boxes, found.scores)
