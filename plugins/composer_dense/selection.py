"""Detections from the predictions of anchors.

Legend: N images, A anchors of a level, K classes. `_` is what is left of them, and the anchors and
the classes of a level.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from composer.ops import batched_nms
from composer.structures import (
    Boxes,
    Classes,
    ClassProbabilities,
    ImageList,
    Indices,
    Scores,
)

Decoding = Callable[[Float[Tensor, "_ 4"], Float[Tensor, "_ 4"]], Float[Tensor, "_ 4"]]


class DenseDetections(NamedTuple):
    """The detections of every image, best first.

    Args:
        boxes: per image, XYXY in pixels; they may reach over the border of the image.
        scores: the score of the detection's class.
        classes: the detection's class.
        anchor_indices: which of all levels' anchors it comes from.
        class_probabilities: the anchor's score for each class; they need not sum up to 1.
    """

    boxes: list[Boxes]
    scores: list[Scores]
    classes: list[Classes]
    anchor_indices: list[Indices]
    class_probabilities: list[ClassProbabilities]


class SelectionLimits(NamedTuple):
    """Limits of detections.

    Args:
        score_threshold: a class's score must be above it.
        topk_candidates: how many scores of a level are considered.
        nms_threshold: intersection over union above which the worse of two boxes of one class is
            suppressed.
        max_per_image: limit of detections per image.
        per_class: whether `topk_candidates` is the limit of each class of a level.
    """

    score_threshold: float
    topk_candidates: int
    nms_threshold: float
    max_per_image: int
    per_class: bool = False


class _Candidates(NamedTuple):
    boxes: Float[Tensor, "_ 4"]
    scores: Float[Tensor, "_"]
    classes: Int[Tensor, "_"]
    rows: Int[Tensor, "_"]
    probabilities: Float[Tensor, "_ _"]


def detect_each_image(
    anchors: Sequence[Float[Tensor, "_ 4"]],
    scores: Sequence[Float[Tensor, "N _ _"]],
    offsets: Sequence[Float[Tensor, "N _ 4"]],
    decode: Decoding,
    limits: SelectionLimits,
    images: ImageList | None = None,
) -> DenseDetections:
    """Picks the detections of every image (Lin et al. 2017, section 4.1, inference).

    What is not finite is dropped.

    Args:
        anchors: per level.
        scores: of each anchor, per level.
        offsets: predicted box offsets, per level.
        decode: makes boxes of offsets and anchors.
        limits: limits of detections.
        images: for the sizes that boxes are clipped to before suppression; None leaves them as
            they are.
    """
    sizes = [None] * len(scores[0]) if images is None else images.image_sizes
    found = DenseDetections([], [], [], [], [])
    columns: tuple[list[Any], ...] = found
    for image, size in enumerate(sizes):
        levels = [
            _pick_candidates(boxes, level_scores[image], level_offsets[image], decode, limits)
            for boxes, level_scores, level_offsets in zip(anchors, scores, offsets, strict=True)
        ]
        candidates = _join_levels(levels, [len(level) for level in anchors])
        for column, values in zip(columns, _suppress(candidates, limits, size), strict=True):
            column.append(values)
    return found


def _suppress(
    candidates: _Candidates, limits: SelectionLimits, image_size: tuple[int, int] | None
) -> tuple[Boxes, Tensor, Tensor, Tensor, Tensor]:
    """Returns the detections of one image, in the order of `DenseDetections`."""
    finite = candidates.boxes.isfinite().all(dim=1).nonzero().squeeze(1)
    boxes = Boxes(candidates.boxes)
    boxes = boxes if image_size is None else boxes.clip(image_size)
    kept = batched_nms(
        boxes.tensor[finite],
        candidates.scores[finite],
        candidates.classes[finite],
        limits.nms_threshold,
    )
    best = finite[kept[: limits.max_per_image]]
    _, scores, classes, rows, probabilities = candidates
    return boxes[best], scores[best], classes[best], rows[best], probabilities[best]


def _pick_candidates(
    anchors: Float[Tensor, "A 4"],
    scores: Float[Tensor, "A K"],
    offsets: Float[Tensor, "A 4"],
    decode: Decoding,
    limits: SelectionLimits,
) -> _Candidates:
    """Takes the best scores of a level, and makes boxes for these only."""
    pick = _pick_of_each_class if limits.per_class else _pick_of_all_classes
    best, rows, classes = pick(scores, limits)
    return _Candidates(decode(offsets[rows], anchors[rows]), best, classes, rows, scores[rows])


def _pick_of_all_classes(
    scores: Float[Tensor, "A K"], limits: SelectionLimits
) -> tuple[Float[Tensor, "_"], Int[Tensor, "_"], Int[Tensor, "_"]]:
    """Returns the best scores of a level, with their anchors and classes."""
    rows, classes = (scores > limits.score_threshold).nonzero(as_tuple=True)
    best, order = scores[rows, classes].topk(min(limits.topk_candidates, len(rows)))
    return best, rows[order], classes[order]


def _pick_of_each_class(
    scores: Float[Tensor, "A K"], limits: SelectionLimits
) -> tuple[Float[Tensor, "_"], Int[Tensor, "_"], Int[Tensor, "_"]]:
    """Returns the best scores of each class, class by class, with their anchors and classes."""
    known = scores.nan_to_num(nan=0.0)  # topk takes what is no number for the largest
    best, rows = known.T.topk(min(limits.topk_candidates, len(scores)), dim=1)
    classes, places = (best > limits.score_threshold).nonzero(as_tuple=True)
    return best[classes, places], rows[classes, places], classes


def _join_levels(levels: Sequence[_Candidates], num_anchors: Sequence[int]) -> _Candidates:
    """Joins the candidates of all levels, and counts their rows over all levels."""
    starts = [0, *accumulate(num_anchors[:-1])]
    shifted = [
        one._replace(rows=one.rows + start) for one, start in zip(levels, starts, strict=True)
    ]
    return _Candidates(*(torch.cat(values) for values in zip(*shifted, strict=True)))
