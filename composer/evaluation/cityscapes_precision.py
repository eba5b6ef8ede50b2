"""Average precision of instances as the Cityscapes benchmark defines it.

Cordts et al. 2016, section 4.2, as in the benchmark's scripts: detections of one object beyond
the surest are false, and a detection that is mostly void, in a group or on small objects counts
for nothing.

Legend: H W height and width of the image, M masks of the model, T overlap thresholds, D detections.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from composer.data import cityscapes_classes

_PER_CLASS = cityscapes_classes.PER_CLASS

OVERLAPS = tuple(np.arange(0.5, 1.0, 0.05))
_SMALLEST = 100  # pixels of an object that is evaluated


class FoundMask(NamedTuple):
    """A detection compared with an image's regions.

    Args:
        label: own id of its class.
        score: confidence of the model.
        size: its pixels.
        void: those where the image has no class that is evaluated.
        shared: pixels that it shares with each region of its class, by the region's own id.
    """

    label: int
    score: float
    size: int
    void: int
    shared: Mapping[int, int]


class ComparedImage(NamedTuple):
    """The regions of an image, and the detections compared with them.

    Args:
        regions: pixels of each object (own ids from 1000 on) and each group (below).
        found: the detections.
    """

    regions: Mapping[int, int]
    found: Sequence[FoundMask]


class _Marks(NamedTuple):
    """Detections of a class that count, and how many of its objects have none.

    Args:
        scores: confidence of the model.
        are_right: whether each is the surest one of an object.
        missed: objects without a detection.
        has_objects: whether there is any object.
        has_detections: whether there is any detection, even one that does not count.
    """

    scores: list[float]
    are_right: list[bool]
    missed: int
    has_objects: bool
    has_detections: bool


def compare_image(
    ids: Int[np.ndarray, "H W"],
    masks: Bool[np.ndarray, "M H W"],
    labels: Sequence[int],
    scores: Sequence[float],
    evaluated: Sequence[int],
) -> ComparedImage:
    """Compares the masks of a model with an image's regions.

    Args:
        ids: for each pixel the own id of its object, or of its class.
        masks: the masks.
        labels: own ids of their classes.
        scores: their confidence.
        evaluated: own ids of all classes that are evaluated; other pixels are void.
    """
    found = []
    for mask, label, score in zip(masks, labels, scores, strict=True):
        below, counts = np.unique(ids[mask], return_counts=True)
        pixels = dict(zip(below.tolist(), counts.tolist(), strict=True))
        void = sum(n for own, n in pixels.items() if own < _PER_CLASS and own not in evaluated)
        shared = {own: n for own, n in pixels.items() if _label_of(own) == label}
        if pixels:
            found.append(FoundMask(label, float(score), sum(pixels.values()), void, shared))
    owns, counts = np.unique(ids, return_counts=True)
    return ComparedImage(dict(zip(owns.tolist(), counts.tolist(), strict=True)), found)


def average_precision(images: Sequence[ComparedImage], label: int) -> Float[np.ndarray, "T"]:
    """The average precision of a class at each of `OVERLAPS`; NaN without an object.

    Args:
        images: the images.
        label: own id of the class.
    """
    return np.array([_integrate(_mark(images, label, overlap)) for overlap in OVERLAPS])


def _mark(images: Sequence[ComparedImage], label: int, overlap: float) -> _Marks:
    scores: list[float] = []
    are_right: list[bool] = []
    missed = num_objects = num_found = 0
    for image in images:
        objects = {
            own: size
            for own, size in image.regions.items()
            if own >= _PER_CLASS and _label_of(own) == label and size >= _SMALLEST
        }
        found = [one for one in image.found if one.label == label]
        num_objects, num_found = num_objects + len(objects), num_found + len(found)
        for own, size in objects.items():
            on_it = sorted(
                (one.score for one in found if _overlap(one, own, size) > overlap), reverse=True
            )
            missed += not on_it
            scores += on_it
            are_right += [place == 0 for place in range(len(on_it))]
        wrong = list(_find_wrong(image, found, overlap))
        scores += wrong
        are_right += [False] * len(wrong)
    return _Marks(scores, are_right, missed, num_objects > 0, num_found > 0)


def _find_wrong(
    image: ComparedImage, found: Sequence[FoundMask], overlap: float
) -> Iterator[float]:
    """The scores of detections that are on no region and mostly on what is evaluated."""
    for one in found:
        if any(_overlap(one, own, image.regions[own]) > overlap for own in one.shared):
            continue
        ignored = one.void
        for own, pixels in one.shared.items():
            # A small group is both, and the benchmark counts its pixels twice.
            ignored += pixels * (own < _PER_CLASS) + pixels * (image.regions[own] < _SMALLEST)
        if ignored / one.size <= overlap:
            yield one.score


def _overlap(one: FoundMask, own: int, size: int) -> float:
    shared = one.shared.get(own, 0)
    return shared / (size + one.size - shared)


def _integrate(marks: _Marks) -> float:
    """The area under precision over recall, by trapezoids from a recall of 0 on."""
    if not marks.has_objects:
        return math.nan
    if not marks.has_detections or not marks.scores:
        return 0.0
    order = np.argsort(marks.scores, kind="stable")[::-1]
    scores, are_right = np.array(marks.scores)[order], np.array(marks.are_right)[order]
    last_of_score = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    num_right = np.cumsum(are_right)[last_of_score]
    precision = np.append(1.0, num_right / (last_of_score + 1))
    recall = np.append(0.0, num_right / (are_right.sum() + marks.missed))
    return float(((precision[:-1] + precision[1:]) / 2 * np.diff(recall)).sum())


def _label_of(own: int) -> int:
    """The class of an object's or a group's own id."""
    return own // _PER_CLASS if own >= _PER_CLASS else own
