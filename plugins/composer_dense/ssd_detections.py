"""From the predictions of SSD to detections."""

from functools import partial

import torch

from composer.ops import BoxWeights, decode_deltas
from composer.ranges import Fraction, NonNegativeInt, PositiveInt
from composer.structures import AnchorDeltas, AnchorLogits, Anchors, ImageList
from composer.translation import translated_by
from composer_dense.anchor_rows import list_by_anchor
from composer_dense.selection import DenseDetections, SelectionLimits, detect_each_image


@translated_by("composer_dense.onnx_translations:translate_ssd_detections")
def ssd_detections(
    anchors: Anchors,
    class_logits: AnchorLogits,
    box_deltas: AnchorDeltas,
    images: ImageList | None = None,
    *,
    score_threshold: Fraction = 0.01,
    topk_candidates: PositiveInt = 400,
    nms_threshold: Fraction = 0.45,
    max_per_image: NonNegativeInt = 200,
    box_weights: BoxWeights = (10.0, 10.0, 5.0, 5.0),
) -> DenseDetections:
    """Picks the best default boxes of every class, and moves them by their offsets.

    A box may be detected as several classes (Liu et al. 2016, section 2.2). Boxes are not clipped
    unless images are wired.

    Args:
        anchors: per level.
        class_logits: of every anchor, the background last, per level.
        box_deltas: offsets of every anchor, per level.
        images: what boxes are clipped to, before doubled ones go.
        score_threshold: a class's probability must be above it.
        topk_candidates: how many probabilities of a class are considered.
        nms_threshold: intersection over union above which the worse of two boxes of one class is
            suppressed.
        max_per_image: limit of detections per image.
        box_weights: factors of the offsets.

    Raises:
        ValueError: the numbers of anchors and predictions differ.
    """
    logits = torch.cat(list_by_anchor(class_logits, anchors), dim=1)
    deltas = torch.cat(list_by_anchor(box_deltas, anchors), dim=1)
    limits = SelectionLimits(
        score_threshold, topk_candidates, nms_threshold, max_per_image, per_class=True
    )
    decode = partial(decode_deltas, weights=box_weights)
    scores = logits.softmax(dim=2)[:, :, :-1]
    return detect_each_image([torch.cat(anchors)], [scores], [deltas], decode, limits, images)
