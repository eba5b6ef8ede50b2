"""From a RetinaNet head's predictions to detections."""

from functools import partial

from composer.ops import BoxWeights, decode_deltas
from composer.ranges import Fraction, NonNegativeInt, PositiveInt
from composer.structures import AnchorDeltas, AnchorLogits, Anchors, ImageList
from composer.translation import translated_by
from composer_dense.anchor_rows import list_by_anchor
from composer_dense.selection import DenseDetections, SelectionLimits, detect_each_image


@translated_by("composer_dense.onnx_translations:translate_retinanet_detections")
def retinanet_detections(
    anchors: Anchors,
    class_logits: AnchorLogits,
    box_deltas: AnchorDeltas,
    images: ImageList | None = None,
    *,
    score_threshold: Fraction = 0.05,
    topk_candidates: PositiveInt = 1000,
    nms_threshold: Fraction = 0.5,
    max_per_image: NonNegativeInt = 100,
    box_weights: BoxWeights = (1.0, 1.0, 1.0, 1.0),
) -> DenseDetections:
    """Picks the best anchors of every class, and moves them by their offsets.

    An anchor may be detected as several classes. Boxes are not clipped unless images are
    wired.

    Args:
        anchors: per level.
        class_logits: of every anchor, per level.
        box_deltas: offsets of every anchor, per level.
        images: what boxes are clipped to, before doubled ones go.
        score_threshold: a class's probability must be above it.
        topk_candidates: how many of a level's probabilities are considered.
        nms_threshold: intersection over union above which the worse of two boxes of one class is
            suppressed.
        max_per_image: limit of detections per image.
        box_weights: factors of the offsets.

    Raises:
        ValueError: the numbers of anchors and predictions differ.
    """
    scores = [level.sigmoid() for level in list_by_anchor(class_logits, anchors)]
    deltas = list_by_anchor(box_deltas, anchors)
    limits = SelectionLimits(score_threshold, topk_candidates, nms_threshold, max_per_image)
    decode = partial(decode_deltas, weights=box_weights)
    return detect_each_image(anchors, scores, deltas, decode, limits, images)
