"""Average precision as the Pascal VOC challenges define it (Everingham et al. 2010, section 4.2).

Legend: D detections, G objects of one image, B boxes.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float

from composer.structures import Boxes, pairwise_iou

Interpolation = Literal["area", "11point"]


class TrueObjects(NamedTuple):
    """The objects of one class in one image.

    Args:
        boxes: XYXY in pixels.
        is_difficult: which of them are neither to be found nor wrong to find.
    """

    boxes: Float[np.ndarray, "G 4"]
    is_difficult: Bool[np.ndarray, "G"]


class FoundObject(NamedTuple):
    """A detection of the class.

    Args:
        image: which image it is in.
        score: how sure the model is.
        box: XYXY in pixels.
    """

    image: int
    score: float
    box: tuple[float, float, float, float]


def average_precision(
    truth: Mapping[int, TrueObjects],
    found: Sequence[FoundObject],
    min_overlap: float,
    interpolation: Interpolation = "area",
) -> float:
    """The average precision of one class; NaN where there is no object that counts.

    From the most to the least certain, a detection is right if the object that it overlaps most,
    by more than `min_overlap`, was not found before. Detections of difficult objects do not count.

    Args:
        truth: the objects by image.
        found: the detections in all images.
        min_overlap: of intersection over union.
        interpolation: `11point` is the mean of the precision at recall 0, 0.1, ..., 1 (until
            2009, known as VOC 2007's); `area` the area below the curve.
    """
    total = sum(int((~objects.is_difficult).sum()) for objects in truth.values())
    if total == 0:
        return float("nan")
    marks = _mark(truth, sorted(found, key=lambda one: -one.score), min_overlap)
    right, wrong = np.cumsum(marks == 1), np.cumsum(marks == -1)
    counted = marks != 0
    right, wrong = right[counted], wrong[counted]
    recall, precision = right / total, right / np.maximum(right + wrong, 1)
    # The best precision at this recall or a higher one.
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return _interpolate(recall, envelope, interpolation)


def _mark(
    truth: Mapping[int, TrueObjects], found: Sequence[FoundObject], min_overlap: float
) -> Float[np.ndarray, "D"]:
    """For each detection 1 if it is right, -1 if it is wrong, 0 if it does not count."""
    marks = np.full(len(found), -1.0)
    taken = {image: np.zeros(len(objects.boxes), dtype=bool) for image, objects in truth.items()}
    overlaps = _overlap_all(truth, found)
    for at, one in enumerate(found):
        if overlaps[at].size == 0:
            continue
        best = int(overlaps[at].argmax())
        if overlaps[at][best] <= min_overlap:
            continue
        if truth[one.image].is_difficult[best]:
            marks[at] = 0
        elif not taken[one.image][best]:
            marks[at] = 1
            taken[one.image][best] = True
    return marks


def _overlap_all(
    truth: Mapping[int, TrueObjects], found: Sequence[FoundObject]
) -> list[Float[np.ndarray, "_"]]:
    """The overlaps of each detection with the objects of its image."""
    places: dict[int, list[int]] = {}
    for at, one in enumerate(found):
        places.setdefault(one.image, []).append(at)
    overlaps: list[Float[np.ndarray, _]] = [np.zeros(0)] * len(found)
    for image, positions in places.items():
        if image not in truth:
            continue
        boxes = torch.tensor([found[at].box for at in positions], dtype=torch.float64)
        others = torch.from_numpy(truth[image].boxes.astype(np.float64))
        rows = pairwise_iou(Boxes(boxes), Boxes(others)).numpy()
        for at, row in zip(positions, rows, strict=True):
            overlaps[at] = row
    return overlaps


def _interpolate(
    recall: Float[np.ndarray, "_"], envelope: Float[np.ndarray, "_"], interpolation: Interpolation
) -> float:
    if interpolation == "11point":
        reached = np.searchsorted(recall, np.linspace(0, 1, 11), side="left")
        return float(sum(envelope[at] for at in reached if at < len(envelope)) / 11)
    steps = np.diff(recall, prepend=0.0)
    return float((steps * envelope).sum())
