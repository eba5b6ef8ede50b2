"""Average precision as the Pascal VOC challenges define it (Everingham et al. 2010, section 4.2).

Legend: D detections of all images, the most certain first; G objects of one image.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from composer.structures import Boxes, pairwise_iou

Interpolation = Literal["area", "11point"]


class TrueObjects(NamedTuple):
    """The objects of one class in one image.

    Args:
        boxes: XYXY in pixels.
        is_difficult: which of them are ignored.
    """

    boxes: Float[np.ndarray, "G 4"]
    is_difficult: Bool[np.ndarray, "G"]


class FoundObject(NamedTuple):
    """A detection of the class.

    Args:
        image: position of its image.
        score: confidence.
        box: XYXY in pixels.
    """

    image: int
    score: float
    box: tuple[float, float, float, float]


class RankedDetections(NamedTuple):
    """The detections of one class, the most certain first, each with the object it overlaps most.

    Args:
        overlaps: intersection over union with that object; -1 where the image has none.
        objects: the object's number, counted over all images.
        are_difficult: whether that object is ignored.
        num_objects: number of objects that are not ignored.
    """

    overlaps: Float[np.ndarray, "D"]
    objects: Int[np.ndarray, "D"]
    are_difficult: Bool[np.ndarray, "D"]
    num_objects: int


def rank_detections(
    truth: Mapping[int, TrueObjects], found: Sequence[FoundObject]
) -> RankedDetections:
    """Sorts the detections of a class, and finds the object that each overlaps most.

    Args:
        truth: the objects by image.
        found: the detections in all images.
    """
    ranked = sorted(found, key=lambda one: -one.score)
    positions: dict[int, list[int]] = {}
    for at, one in enumerate(ranked):
        positions.setdefault(one.image, []).append(at)
    overlaps, objects = np.full(len(ranked), -1.0), np.zeros(len(ranked), dtype=np.int64)
    are_difficult, num_before, num_objects = np.zeros(len(ranked), dtype=bool), 0, 0
    for image, true in truth.items():
        if len(true.boxes) and (places := positions.get(image)):
            rows = _overlap([ranked[at].box for at in places], true)
            best = rows.argmax(axis=1)
            overlaps[places] = rows[np.arange(len(rows)), best]
            objects[places] = num_before + best
            are_difficult[places] = true.is_difficult[best]
        num_before += len(true.boxes)
        num_objects += int((~true.is_difficult).sum())
    return RankedDetections(overlaps, objects, are_difficult, num_objects)


def average_precision(
    ranked: RankedDetections, min_overlap: float, interpolation: Interpolation = "area"
) -> float:
    """The average precision of one class; NaN where there is no object that counts.

    From the most to the least certain, a detection is right if the object that it overlaps most,
    by more than `min_overlap`, was not found before. Detections of difficult objects do not count.

    Args:
        ranked: the detections.
        min_overlap: of intersection over union.
        interpolation: `11point` is the mean of the precision at recall 0, 0.1, ..., 1 (until
            2009, known as VOC 2007's); `area` the area below the curve.
    """
    if ranked.num_objects == 0:
        return float("nan")
    is_hit = ranked.overlaps > min_overlap
    hits = np.flatnonzero(is_hit & ~ranked.are_difficult)
    _, first = np.unique(ranked.objects[hits], return_index=True)
    is_right = np.zeros(len(is_hit), dtype=bool)
    is_right[hits[first]] = True
    counts = ~(is_hit & ranked.are_difficult)
    right, wrong = np.cumsum(is_right[counts]), np.cumsum(~is_right[counts])
    recall, precision = right / ranked.num_objects, right / np.maximum(right + wrong, 1)
    # The best precision at this recall or a higher one.
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return _interpolate(recall, envelope, interpolation)


def _overlap(
    boxes: Sequence[tuple[float, float, float, float]], true: TrueObjects
) -> Float[np.ndarray, "_ G"]:
    """The overlaps of detections in an image with its objects."""
    rows = torch.tensor(boxes, dtype=torch.float64)
    others = torch.from_numpy(true.boxes.astype(np.float64))
    overlaps: Float[np.ndarray, "_ G"] = pairwise_iou(Boxes(rows), Boxes(others)).numpy()
    return overlaps


def _interpolate(
    recall: Float[np.ndarray, "_"], envelope: Float[np.ndarray, "_"], interpolation: Interpolation
) -> float:
    if interpolation == "11point":
        reached = np.searchsorted(recall, np.linspace(0, 1, 11), side="left")
        return float(sum(envelope[at] for at in reached if at < len(envelope)) / 11)
    steps = np.diff(recall, prepend=0.0)
    return float((steps * envelope).sum())
