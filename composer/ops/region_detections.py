"""Detections from the predictions of regions.

Legend: R regions over all images, P regions of an image, D numbers of a box. `_` is the detections
of an image, or K + 1 class scores, or D numbers for one or K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from jaxtyping import Float, Int
from torch import Tensor

from composer.ops.box_kinds import BoxKind
from composer.ops.regions import pick_class_offsets, split_regions
from composer.structures import AnyBoxes


@dataclass(frozen=True)
class DetectionLimits:
    """Limits of detections.

    Args:
        score_threshold: a class's probability must be above it.
        nms_threshold: intersection over union above which the worse of two boxes of one class is
            suppressed.
        max_per_image: limit of detections per image.
        min_box_size: neither side of a clipped box may be shorter, in pixels.
    """

    score_threshold: float
    nms_threshold: float
    max_per_image: int
    min_box_size: float = 0.0


@dataclass(frozen=True)
class RegionDetections(Generic[AnyBoxes]):
    """The detections of one image, best first.

    Args:
        boxes: clipped to the image.
        scores: the probability of the detection's class.
        classes: the detection's class.
        proposal_indices: which of the image's regions it comes from.
        class_probabilities: the region's whole distribution, the background last.
    """

    boxes: AnyBoxes
    scores: Float[Tensor, "_"]
    classes: Int[Tensor, "_"]
    proposal_indices: Int[Tensor, "_"]
    class_probabilities: Float[Tensor, "_ _"]


def detect_in_regions(
    kind: BoxKind[AnyBoxes],
    boxes: Sequence[AnyBoxes],
    probabilities: Float[Tensor, "R _"],
    box_deltas: Float[Tensor, "R _"],
    image_sizes: Sequence[tuple[int, int]],
    *,
    limits: DetectionLimits,
    box_weights: tuple[float, ...],
) -> list[RegionDetections[AnyBoxes]]:
    """Picks the best boxes of every class in every image (Girshick 2015, section 3.1).

    A region may be detected as several classes. Regions whose predictions are not finite are
    dropped; boxes are clipped to their image.

    Args:
        kind: how boxes are written.
        boxes: the regions, per image.
        probabilities: of all regions, the background last.
        box_deltas: of all regions: offsets for each class, or such that the classes share.
        image_sizes: (height, width) of each image.
        limits: limits of detections.
        box_weights: factors of the offsets.

    Raises:
        ValueError: the numbers of regions or images do not fit each other.
    """
    if len(boxes) != len(image_sizes):
        raise ValueError(f"Regions of {len(boxes)} images, but {len(image_sizes)} images.")
    regions = kind.structure.cat(boxes).tensor.to(box_deltas.device)
    if len(regions) != len(box_deltas):
        raise ValueError(f"{len(regions)} regions, but box offsets of {len(box_deltas)}.")
    counts = [len(one) for one in boxes]
    weights = kind.complete_weights(box_weights)
    moved = split_regions(kind.decode(box_deltas, regions, weights), counts)
    return [
        select_detections(kind, *predictions, limits=limits)
        for predictions in zip(
            moved, split_regions(probabilities, counts), image_sizes, strict=True
        )
    ]


def select_detections(
    kind: BoxKind[AnyBoxes],
    boxes: Float[Tensor, "P _"],
    probabilities: Float[Tensor, "P _"],
    image_size: tuple[int, int],
    *,
    limits: DetectionLimits,
) -> RegionDetections[AnyBoxes]:
    """Picks the detections of one image.

    Args:
        kind: how boxes are written.
        boxes: the numbers of a box for each class, or of one in all.
        probabilities: of each class, the background last.
        image_size: (height, width).
        limits: limits of detections.
    """
    is_finite = boxes.isfinite().all(dim=1) & probabilities.isfinite().all(dim=1)
    is_candidate = (probabilities[:, :-1] > limits.score_threshold) & is_finite[:, None]
    rows, classes = is_candidate.nonzero(as_tuple=True)
    scores = probabilities[rows, classes]
    clipped = kind.structure(pick_class_offsets(boxes[rows], classes, kind.dim)).clip(image_size)
    large = (clipped.get_sides() >= limits.min_box_size).all(dim=1).nonzero().squeeze(1)
    kept = kind.suppress(clipped.tensor[large], scores[large], classes[large], limits.nms_threshold)
    best = large[kept[: limits.max_per_image]]
    rows = rows[best]
    return RegionDetections(clipped[best], scores[best], classes[best], rows, probabilities[rows])
