"""Detections from the predictions of regions.

Legend: R regions over all images, P regions of an image. `_` is K + 1 class scores, the background
last, or the numbers of a box for one or K classes.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from composer.ops import (
    AnyBoxWeights,
    BoxKind,
    find_box_kind,
    pick_class_offsets,
    split_regions,
)
from composer.ranges import Fraction, NonNegative, NonNegativeInt
from composer.structures import (
    AnyBoxes,
    BoxDeltas,
    Classes,
    ClassLogits,
    ClassProbabilities,
    ImageList,
    Indices,
    Scores,
)
from composer.translation import translated_by


class DetectionLimits(NamedTuple):
    """Limits of detections.

    Args:
        score_threshold: a score must be above it.
        nms_threshold: intersection over union above which the worse of two boxes of one class is
            suppressed.
        max_per_image: limit of detections per image.
        min_box_size: neither side of a clipped box may be shorter, in pixels.
    """

    score_threshold: float
    nms_threshold: float
    max_per_image: int
    min_box_size: float


class Detections(NamedTuple):
    """The detections of every image, best first.

    Args:
        boxes: per image.
        scores: the probability of the detection's class, times that of an object where it is wired.
        classes: the detection's class.
        proposal_indices: which of the image's regions it comes from.
        class_probabilities: the region's whole distribution, the background last (where each
            class has a probability of its own, that of the background is meaningless).
    """

    boxes: list[AnyBoxes]  # type: ignore[valid-type]
    scores: list[Scores]
    classes: list[Classes]
    proposal_indices: list[Indices]
    class_probabilities: list[ClassProbabilities]


@translated_by("composer_rcnn.onnx_regions:translate_detections")
def detections(
    boxes: list[AnyBoxes],
    class_logits: ClassLogits | list[ClassLogits],
    box_deltas: BoxDeltas,
    images: ImageList,
    objectness_logits: list[Scores] | None = None,
    *,
    use_sigmoid_ce: bool = False,
    score_threshold: Fraction = 0.05,
    nms_threshold: Fraction = 0.5,
    max_per_image: NonNegativeInt = 100,
    min_box_size: NonNegative = 0.0,
    box_weights: AnyBoxWeights = (10.0, 10.0, 5.0, 5.0),
    objectness_exponent: NonNegative = 1.0,
) -> Detections:
    """Picks the best boxes of every class (Girshick 2015, section 3.1).

    A region may be detected as several classes. Regions whose predictions are not finite are
    dropped; boxes are clipped to their image, rotated ones where they lie flat. Where objectness is
    wired, scores are class probabilities times that of an object (Zhou et al. 2021): for proposals
    of a detector that was trained on more images than the heads.

    Args:
        boxes: the regions, per image.
        class_logits: of all regions, the background last; or those of several predictors, whose
            probabilities are averaged (the stages of a cascade).
        box_deltas: of all regions: 4 a class, or 4 that the classes share; 5 of rotated ones.
        images: for their sizes.
        objectness_logits: of the regions, per image.
        use_sigmoid_ce: whether classes were trained with a sigmoid each.
        score_threshold: a score must be above it.
        nms_threshold: intersection over union above which the worse of two boxes of one class is
            suppressed.
        max_per_image: limit of detections per image.
        min_box_size: neither side of a clipped box may be shorter, in pixels.
        box_weights: factors of the offsets; that of an angle is 1 where it is left out.
        objectness_exponent: of the probability of an object; 0 leaves it out.

    Raises:
        ValueError: the numbers of regions or images do not fit each other.
    """
    kind, image_sizes = find_box_kind(boxes, box_weights), images.image_sizes
    if len(boxes) != len(image_sizes):
        raise ValueError(f"Regions of {len(boxes)} images, but {len(image_sizes)} images.")
    regions = kind.structure.cat(boxes).tensor.to(box_deltas.device)
    if len(regions) != len(box_deltas):
        raise ValueError(f"{len(regions)} regions, but box offsets of {len(box_deltas)}.")
    counts = [len(one) for one in boxes]
    moved = kind.decode(box_deltas, regions, kind.complete_weights(box_weights))
    probabilities = _average(class_logits, use_sigmoid_ce)
    scores = probabilities[:, :-1]
    if objectness_logits is not None and objectness_exponent > 0:
        scores = scores * _weigh(objectness_logits, counts, objectness_exponent).to(scores)
    limits = DetectionLimits(score_threshold, nms_threshold, max_per_image, min_box_size)
    found = Detections([], [], [], [], [])
    of_images = (split_regions(each, counts) for each in (moved, scores, probabilities))
    for one, own, chances, size in zip(*of_images, image_sizes, strict=True):
        for column, values in zip(
            found, _select(kind, one, own, chances, size, limits), strict=True
        ):
            column.append(values)
    return found


def _average(
    class_logits: Float[Tensor, "R _"] | list[Float[Tensor, "R _"]], use_sigmoid: bool
) -> Float[Tensor, "R _"]:
    """Returns the mean probabilities of one predictor or several."""
    several = class_logits if isinstance(class_logits, list) else [class_logits]
    each = [one.sigmoid() if use_sigmoid else one.softmax(dim=1) for one in several]
    return sum(each[1:], start=each[0]) / len(each)


def _weigh(
    objectness_logits: list[Scores], counts: list[int], exponent: float
) -> Float[Tensor, "R 1"]:
    """Returns what the scores of each region are multiplied by.

    Raises:
        ValueError: there are not as many logits as regions.
    """
    given = [len(one) for one in objectness_logits]
    if given != counts:
        raise ValueError(
            f"Regions per image: {counts}, but objectness logits: {given}. Whoever feeds regions "
            "feeds objectness_logits, too, or sets objectness_exponent to 0."
        )
    return torch.cat(objectness_logits).sigmoid()[:, None] ** exponent


def _select(
    kind: BoxKind[AnyBoxes],
    boxes: Float[Tensor, "P _"],
    class_scores: Float[Tensor, "P _"],
    probabilities: Float[Tensor, "P _"],
    image_size: tuple[int, int],
    limits: DetectionLimits,
) -> tuple[AnyBoxes, Tensor, Tensor, Tensor, Tensor]:
    """Returns the detections of one image, in the order of `Detections`."""
    is_finite = boxes.isfinite().all(dim=1) & probabilities.isfinite().all(dim=1)
    is_candidate = (class_scores > limits.score_threshold) & is_finite[:, None]
    rows, classes = is_candidate.nonzero(as_tuple=True)
    scores = class_scores[rows, classes]
    clipped = kind.structure(pick_class_offsets(boxes[rows], classes, kind.dim)).clip(image_size)
    large = (clipped.get_sides() >= limits.min_box_size).all(dim=1).nonzero().squeeze(1)
    kept = kind.suppress(clipped.tensor[large], scores[large], classes[large], limits.nms_threshold)
    best = large[kept[: limits.max_per_image]]
    rows = rows[best]
    return clipped[best], scores[best], classes[best], rows, probabilities[rows]
