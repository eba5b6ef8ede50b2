"""Detections from the predictions of regions.

Legend: R regions over all images. `_` is K + 1 class scores, the background last.
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from composer.ops import AnyBoxWeights, DetectionLimits, detect_in_regions, find_box_kind
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


class Detections(NamedTuple):
    """The detections of every image, best first.

    Args:
        boxes: per image.
        scores: the probability of the detection's class.
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


def detections(
    boxes: list[AnyBoxes],
    class_logits: ClassLogits | list[ClassLogits],
    box_deltas: BoxDeltas,
    images: ImageList,
    *,
    use_sigmoid_ce: bool = False,
    score_threshold: Fraction = 0.05,
    nms_threshold: Fraction = 0.5,
    max_per_image: NonNegativeInt = 100,
    min_box_size: NonNegative = 0.0,
    box_weights: AnyBoxWeights = (10.0, 10.0, 5.0, 5.0),
) -> Detections:
    """Picks the best boxes of every class (Girshick 2015, section 3.1).

    A region may be detected as several classes. Regions whose predictions are not finite are
    dropped; boxes are clipped to their image, rotated ones where they lie flat.

    Args:
        boxes: the regions, per image.
        class_logits: of all regions, the background last; or those of several predictors, whose
            probabilities are averaged (the stages of a cascade).
        box_deltas: of all regions: 4 a class, or 4 that the classes share; 5 of rotated ones.
        images: for their sizes.
        use_sigmoid_ce: whether classes were trained with a sigmoid each.
        score_threshold: a class's probability must be above it.
        nms_threshold: intersection over union above which the worse of two boxes of one class is
            suppressed.
        max_per_image: limit of detections per image.
        min_box_size: neither side of a clipped box may be shorter, in pixels.
        box_weights: factors of the offsets; that of an angle is 1 where it is left out.

    Raises:
        ValueError: the numbers of regions or images do not fit each other.
    """
    found = detect_in_regions(
        find_box_kind(boxes, box_weights),
        boxes,
        _average(class_logits, use_sigmoid_ce),
        box_deltas,
        images.image_sizes,
        limits=DetectionLimits(score_threshold, nms_threshold, max_per_image, min_box_size),
        box_weights=box_weights,
    )
    return Detections(*([getattr(one, name) for one in found] for name in Detections._fields))


def _average(
    class_logits: Float[Tensor, "R _"] | list[Float[Tensor, "R _"]], use_sigmoid: bool
) -> Float[Tensor, "R _"]:
    """Returns the mean probabilities of one predictor or several."""
    several = class_logits if isinstance(class_logits, list) else [class_logits]
    each = [one.sigmoid() if use_sigmoid else one.softmax(dim=1) for one in several]
    return sum(each[1:], start=each[0]) / len(each)
