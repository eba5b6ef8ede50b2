"""From predictions about rotated regions to detections."""

from typing import NamedTuple

from composer.ops import ROTATED, DetectionLimits, RotatedBoxWeights, detect_in_regions
from composer.ranges import Fraction, NonNegativeInt
from composer.structures import (
    BoxDeltas,
    Classes,
    ClassLogits,
    ClassProbabilities,
    ImageList,
    Indices,
    RotatedBoxes,
    Scores,
)


class RotatedDetections(NamedTuple):
    """The detections of every image, best first.

    Args:
        boxes: per image.
        scores: the probability of the detection's class.
        classes: the detection's class.
        proposal_indices: which of the image's regions it comes from.
        class_probabilities: the region's whole distribution, the background last.
    """

    boxes: list[RotatedBoxes]
    scores: list[Scores]
    classes: list[Classes]
    proposal_indices: list[Indices]
    class_probabilities: list[ClassProbabilities]


def rotated_detections(
    boxes: list[RotatedBoxes],
    class_logits: ClassLogits,
    box_deltas: BoxDeltas,
    images: ImageList,
    *,
    use_sigmoid_ce: bool = False,
    score_threshold: Fraction = 0.05,
    nms_threshold: Fraction = 0.5,
    max_per_image: NonNegativeInt = 100,
    box_weights: RotatedBoxWeights = (10.0, 10.0, 5.0, 5.0, 1.0),
) -> RotatedDetections:
    """Picks the best rotated boxes of every class (Girshick 2015, section 3.1).

    A region may be detected as several classes. Regions whose predictions are not finite are
    dropped; boxes that lie flat are clipped to their image.

    Args:
        boxes: the regions, per image.
        class_logits: of all regions, the background last.
        box_deltas: of all regions: 5 a class, or 5 that the classes share.
        images: for their sizes.
        use_sigmoid_ce: whether each class was learnt by itself, with a sigmoid.
        score_threshold: a class's probability must be above it.
        nms_threshold: intersection over union from which on the worse of two boxes of one class
            goes.
        max_per_image: detections of an image that are left.
        box_weights: factors of the offsets, the last one of the angle's.

    Raises:
        ValueError: the numbers of regions or images do not fit each other.
    """
    found = detect_in_regions(
        ROTATED,
        boxes,
        class_logits.sigmoid() if use_sigmoid_ce else class_logits.softmax(dim=1),
        box_deltas,
        images.image_sizes,
        limits=DetectionLimits(score_threshold, nms_threshold, max_per_image),
        box_weights=box_weights,
    )
    names = RotatedDetections._fields
    return RotatedDetections(*([getattr(one, name) for one in found] for name in names))
