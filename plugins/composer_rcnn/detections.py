"""From predictions about regions to detections.

Legend: R regions over all images, P regions of an image, K classes. `_` is the detections of an
image, or K + 1 class scores, or 4 box numbers for one or K classes.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from composer.ops import BoxWeights, batched_nms, decode_deltas, split_regions
from composer.structures import (
    BoxDeltas,
    Boxes,
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
            class has a probability of its own, that of the background means nothing).
    """

    boxes: list[Boxes]
    scores: list[Scores]
    classes: list[Classes]
    proposal_indices: list[Indices]
    class_probabilities: list[ClassProbabilities]


def detections(
    boxes: list[Boxes],
    class_logits: ClassLogits | list[ClassLogits],
    box_deltas: BoxDeltas,
    images: ImageList,
    *,
    use_sigmoid_ce: bool = False,
    score_threshold: float = 0.05,
    nms_threshold: float = 0.5,
    max_per_image: int = 100,
    min_box_size: float = 0.0,
    box_weights: tuple[float, float, float, float] = (10.0, 10.0, 5.0, 5.0),
) -> Detections:
    """Picks the best boxes of every class (Girshick 2015, section 3.1).

    A region may be detected as several classes. Regions whose predictions are not finite are
    dropped; boxes are clipped to their image.

    Args:
        boxes: the regions, per image.
        class_logits: of all regions, the background last; or those of several predictors, whose
            probabilities are averaged (the stages of a cascade).
        box_deltas: of all regions: 4 a class, or 4 that the classes share.
        images: for their sizes.
        use_sigmoid_ce: whether each class was learnt by itself, with a sigmoid.
        score_threshold: a class's probability must be above it.
        nms_threshold: intersection over union from which on the worse of two boxes of one class
            goes.
        max_per_image: detections of an image that are left.
        min_box_size: neither side of a clipped box may be shorter, in pixels.
        box_weights: factors of the offsets.

    Raises:
        ValueError: the numbers of regions or images do not fit each other.
    """
    if len(boxes) != len(images):
        raise ValueError(f"Regions of {len(boxes)} images, but {len(images)} images.")
    counts = [len(one) for one in boxes]
    regressed = split_regions(_apply_deltas(boxes, box_deltas, box_weights), counts)
    probabilities = split_regions(_average(class_logits, use_sigmoid_ce), counts)
    selected = [
        select_detections(
            *predictions,
            score_threshold=score_threshold,
            nms_threshold=nms_threshold,
            max_per_image=max_per_image,
            min_box_size=min_box_size,
        )
        for predictions in zip(regressed, probabilities, images.image_sizes, strict=True)
    ]
    return Detections(*([getattr(one, name) for one in selected] for name in Detections._fields))


class ImageDetections(NamedTuple):
    """The detections of one image; see `Detections`."""

    boxes: Boxes
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
    min_box_size: float = 0.0,
) -> ImageDetections:
    """Picks the detections of one image.

    Args:
        boxes: XYXY in pixels, 4 numbers a class or 4 in all.
        probabilities: of each class, the background last.
        image_size: (height, width).
        score_threshold: a class's probability must be above it.
        nms_threshold: intersection over union from which on a worse box goes.
        max_per_image: how many are left.
        min_box_size: neither side of a clipped box may be shorter, in pixels.
    """
    is_finite = boxes.isfinite().all(dim=1) & probabilities.isfinite().all(dim=1)
    is_candidate = (probabilities[:, :-1] > score_threshold) & is_finite[:, None]
    rows, classes = is_candidate.nonzero(as_tuple=True)
    scores = probabilities[rows, classes]
    per_class = boxes.reshape(len(boxes), boxes.shape[1] // 4, 4)
    columns = classes if per_class.shape[1] > 1 else torch.zeros_like(classes)
    clipped = Boxes(per_class[rows, columns]).clip(image_size)
    sides = clipped.tensor[:, 2:] - clipped.tensor[:, :2]
    large = (sides >= min_box_size).all(dim=1).nonzero().squeeze(1)
    kept = batched_nms(clipped.tensor[large], scores[large], classes[large], nms_threshold)
    best = large[kept[:max_per_image]]
    rows = rows[best]
    return ImageDetections(clipped[best], scores[best], classes[best], rows, probabilities[rows])


def _average(
    class_logits: Float[Tensor, "R _"] | list[Float[Tensor, "R _"]], use_sigmoid: bool
) -> Float[Tensor, "R _"]:
    """Returns the mean probabilities of one predictor or several."""
    several = class_logits if isinstance(class_logits, list) else [class_logits]
    each = [one.sigmoid() if use_sigmoid else one.softmax(dim=1) for one in several]
    return sum(each[1:], start=each[0]) / len(each)


def _apply_deltas(
    boxes: list[Boxes], deltas: BoxDeltas, weights: BoxWeights
) -> Float[Tensor, "R _"]:
    regions = Boxes.cat(boxes).tensor.to(deltas.device)
    if len(regions) != len(deltas):
        raise ValueError(f"{len(regions)} regions, but box offsets of {len(deltas)}.")
    return decode_deltas(deltas, regions, weights)
