"""From an FCOS head's predictions to detections."""

from composer.ops import decode_distances
from composer.ranges import Fraction, NonNegativeInt, PositiveInt
from composer.structures import AnchorLogits, Anchors, Centerness, EdgeDistances, ImageList
from composer.translation import translated_by
from composer_dense.anchor_rows import list_by_anchor
from composer_dense.selection import DenseDetections, SelectionLimits, detect_each_image


@translated_by("composer_dense.onnx_translations:translate_fcos_detections")
def fcos_detections(
    anchors: Anchors,
    class_logits: AnchorLogits,
    edge_distances: EdgeDistances,
    centerness: Centerness,
    images: ImageList | None = None,
    *,
    score_threshold: Fraction = 0.2,
    topk_candidates: PositiveInt = 1000,
    nms_threshold: Fraction = 0.6,
    max_per_image: NonNegativeInt = 100,
) -> DenseDetections:
    """Picks the best cells of every class, and puts boxes around them.

    A score is the geometric mean of a class's probability and the centerness (Tian et al. 2020,
    equation 4). Boxes are not clipped unless images are wired.

    Args:
        anchors: per level, one a cell: its centre is the cell's place, its side the stride.
        class_logits: of every cell, per level.
        edge_distances: of every cell, per level.
        centerness: logits of every cell, per level.
        images: what boxes are clipped to, before doubled ones go.
        score_threshold: a score must be above it.
        topk_candidates: how many of a level's scores are considered.
        nms_threshold: intersection over union above which the worse of two boxes of one class is
            suppressed.
        max_per_image: limit of detections per image.

    Raises:
        ValueError: there is not one anchor a cell.
    """
    scores = [
        (class_rows.sigmoid() * center_rows.sigmoid()).sqrt()
        for class_rows, center_rows in zip(
            list_by_anchor(class_logits, anchors), list_by_anchor(centerness, anchors), strict=True
        )
    ]
    distances = list_by_anchor(edge_distances, anchors)
    limits = SelectionLimits(score_threshold, topk_candidates, nms_threshold, max_per_image)
    return detect_each_image(anchors, scores, distances, decode_distances, limits, images)
