"""From predictions about rotated regions to detections.

Legend: R regions over all images, P regions of an image, K classes. `_` is K + 1 class scores, or
5 box numbers for one or K classes.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from composer.ops import (
    RotatedBoxWeights,
    batched_nms_rotated,
    decode_rotated_deltas,
    split_regions,
)
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
    score_threshold: float = 0.05,
    nms_threshold: float = 0.5,
    max_per_image: int = 100,
    box_weights: tuple[float, float, float, float, float] = (10.0, 10.0, 5.0, 5.0, 1.0),
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
    if len(boxes) != len(images):
        raise ValueError(f"Regions of {len(boxes)} images, but {len(images)} images.")
    counts = [len(one) for one in boxes]
    regressed = split_regions(_apply_deltas(boxes, box_deltas, box_weights), counts)
    scores = class_logits.sigmoid() if use_sigmoid_ce else class_logits.softmax(dim=1)
    probabilities = split_regions(scores, counts)
    selected = [
        select_detections(
            *predictions,
            score_threshold=score_threshold,
            nms_threshold=nms_threshold,
            max_per_image=max_per_image,
        )
        for predictions in zip(regressed, probabilities, images.image_sizes, strict=True)
    ]
    return RotatedDetections(
        *([getattr(one, name) for one in selected] for name in RotatedDetections._fields)
    )


class ImageDetections(NamedTuple):
    """The detections of one image; see `RotatedDetections`."""

    boxes: RotatedBoxes
    scores: Scores
    classes: Classes
    proposal_indices: Indices
    class_probabilities: ClassProbabilities


def select_detections(
    boxes: Float[Tensor, "P _"],
    probabilities: Float[Tensor, "P _"],
    image_size: tuple[int, int],
    *,
    score_threshold: float,
    nms_threshold: float,
    max_per_image: int,
) -> ImageDetections:
    """Picks the detections of one image.

    Args:
        boxes: rotated boxes in pixels and degrees, 5 numbers a class or 5 in all.
        probabilities: of each class, the background last.
        image_size: (height, width).
        score_threshold: a class's probability must be above it.
        nms_threshold: intersection over union from which on a worse box goes.
        max_per_image: how many are left.
    """
    is_finite = boxes.isfinite().all(dim=1) & probabilities.isfinite().all(dim=1)
    is_candidate = (probabilities[:, :-1] > score_threshold) & is_finite[:, None]
    rows, classes = is_candidate.nonzero(as_tuple=True)
    scores = probabilities[rows, classes]
    per_class = boxes.reshape(len(boxes), boxes.shape[1] // 5, 5)
    columns = classes if per_class.shape[1] > 1 else torch.zeros_like(classes)
    clipped = RotatedBoxes(per_class[rows, columns]).clip(image_size)
    best = batched_nms_rotated(clipped.tensor, scores, classes, nms_threshold)[:max_per_image]
    rows = rows[best]
    return ImageDetections(clipped[best], scores[best], classes[best], rows, probabilities[rows])


def _apply_deltas(
    boxes: list[RotatedBoxes], deltas: BoxDeltas, weights: RotatedBoxWeights
) -> Float[Tensor, "R _"]:
    regions = RotatedBoxes.cat(boxes).tensor.to(deltas.device)
    if len(regions) != len(deltas):
        raise ValueError(f"{len(regions)} regions, but box offsets of {len(deltas)}.")
    return decode_rotated_deltas(deltas, regions, weights)
