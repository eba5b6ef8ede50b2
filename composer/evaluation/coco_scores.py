"""Precision and recall as COCO defines them, and the metrics that are made of them.

Legend: T overlap thresholds, R recall levels, K classes, A ranges of object size, M limits on the
number of detections in an image, D detections of all images.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from composer.evaluation.boundary_overlap import BoundaryEval
from composer.evaluation.coco_truth import CocoTask, silence
from composer.evaluation.results import TaskResults

# COCO's standard deviations of annotated keypoints, in the order of its 17 keypoints.
COCO_SIGMAS = (
    *(0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072),
    *(0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
)
_UNDEFINED = -1  # pycocotools' mark for settings without any object
_SIZES = {"s": "small", "m": "medium", "l": "large"}


class DetectionMarks(NamedTuple):
    """Detections of all images and classes that are right or wrong at the lowest overlap.

    Args:
        scores: confidence of the model.
        are_right: whether there is an object of the class.
    """

    scores: Float[np.ndarray, "D"]
    are_right: Bool[np.ndarray, "D"]


@dataclass(frozen=True)
class CocoScores:
    """Precision and recall computed by pycocotools.

    Args:
        precision: -1 where there is no object.
        recall: -1 where there is no object.
        scores: the score from which on a recall level is reached.
        overlaps: the T overlap thresholds.
        ranges: names of the A ranges of object size.
        limits: the M limits.
        marks: every detection that counts, and whether it is right.
    """

    precision: Float[np.ndarray, "T R K A M"]
    recall: Float[np.ndarray, "T K A M"]
    scores: Float[np.ndarray, "T R K A M"]
    overlaps: tuple[float, ...]
    ranges: tuple[str, ...]
    limits: tuple[int, ...]
    marks: DetectionMarks

    def average_precision(
        self,
        overlap: float | None = None,
        size: str = "all",
        categories: Sequence[int] | None = None,
    ) -> float:
        """The mean precision at the largest limit; NaN where there is no object.

        Args:
            overlap: at one overlap threshold, or over all of them.
            size: for objects of one range of sizes.
            categories: over some classes, by default all; those without objects do not count.
        """
        if size not in self.ranges:
            return math.nan
        values = self.precision[self._pick(overlap)][:, :, :, self.ranges.index(size), -1]
        return _mean(values if categories is None else values[:, :, list(categories)])

    def average_recall(
        self,
        overlap: float | None = None,
        size: str = "all",
        limit: int | None = None,
        categories: Sequence[int] | None = None,
    ) -> float:
        """The mean of the largest recall; NaN where there is no object.

        Args:
            overlap: at one overlap threshold, or over all of them.
            size: for objects of one range of sizes.
            limit: number of detections per image; by default the largest.
            categories: over some classes, by default all; those without objects do not count.
        """
        if size not in self.ranges:
            return math.nan
        last = -1 if limit is None else self.limits.index(limit)
        values = self.recall[self._pick(overlap)][:, :, self.ranges.index(size), last]
        return _mean(values if categories is None else values[:, list(categories)])

    def metrics(self, task: CocoTask, category: int | None = None) -> dict[str, float]:
        """COCO's summary: AP, AP50, APs, AR100 and so on, for one class or all of them."""
        chosen = None if category is None else [category]
        sizes = {letter: name for letter, name in _SIZES.items() if name in self.ranges}
        precision = {"AP": self.average_precision(categories=chosen)}
        for percent in (50, 75):
            precision[f"AP{percent}"] = self.average_precision(percent / 100, categories=chosen)
        recall = {}
        if task == "keypoints":
            recall["AR"] = self.average_recall(categories=chosen)
            for percent in (50, 75):
                recall[f"AR{percent}"] = self.average_recall(percent / 100, categories=chosen)
        else:
            for limit in self.limits:
                recall[f"AR{limit}"] = self.average_recall(limit=limit, categories=chosen)
        for letter, size in sizes.items():
            precision[f"AP{letter}"] = self.average_precision(size=size, categories=chosen)
            recall[f"AR{letter}"] = self.average_recall(size=size, categories=chosen)
        return precision | recall

    def summarize(self, task: CocoTask, classes: Sequence[str]) -> TaskResults:
        """COCO's summary for all classes, and for each of the names."""
        per_class = {name: self.metrics(task, category) for category, name in enumerate(classes)}
        return TaskResults(self.metrics(task), per_class)

    def _pick(self, overlap: float | None) -> slice:
        if overlap is None:
            return slice(None)
        at = int(np.flatnonzero(np.isclose(self.overlaps, overlap))[0])
        return slice(at, at + 1)


def score(evaluation: COCOeval) -> CocoScores:
    """Computes precision and recall with pycocotools."""
    with silence():
        evaluation.evaluate()
        evaluation.accumulate()
    settings = evaluation.params
    return CocoScores(
        precision=evaluation.eval["precision"],
        recall=evaluation.eval["recall"],
        scores=evaluation.eval["scores"],
        overlaps=tuple(settings.iouThrs),
        ranges=tuple(settings.areaRngLbl),
        limits=tuple(settings.maxDets),
        marks=_mark_detections(evaluation),
    )


def compare(
    truth: COCO,
    found: COCO,
    task: CocoTask,
    *,
    limits: Sequence[int] | None = None,
    sigmas: Sequence[float] | None = None,
    kind: type[COCOeval] | None = None,
) -> COCOeval:
    """A comparison by pycocotools, ready to be scored.

    Args:
        truth: the annotations.
        found: the detections.
        task: the task.
        limits: numbers of detections per image; COCO's own by default.
        sigmas: standard deviations of the keypoints.
        kind: pycocotools' class of comparisons, or one that differs from it in its rules; by
            default that of the task.
    """
    if kind is None:
        kind = BoundaryEval if task == "boundary" else COCOeval
    evaluation = kind(truth, found, iouType="segm" if task == "boundary" else task)
    if limits is not None:
        evaluation.params.maxDets = sorted(limits)
    if sigmas is not None:
        evaluation.params.kpt_oks_sigmas = np.array(sigmas)
    return evaluation


def choose_sigmas(num_keypoints: int) -> tuple[float, ...]:
    """Standard deviations for keypoints: COCO's for its 17, otherwise the mean of those for each.

    They are relative to the square root of an object's area.
    """
    if num_keypoints == len(COCO_SIGMAS):
        return COCO_SIGMAS
    return (float(np.mean(COCO_SIGMAS)),) * num_keypoints


def _mark_detections(evaluation: COCOeval) -> DetectionMarks:
    """The detections that pycocotools matched, of any size."""
    settings = evaluation.params
    num_images, num_ranges = len(settings.imgIds), len(settings.areaRng)
    scores, are_right = [np.zeros(0)], [np.zeros(0, dtype=bool)]
    for start in range(0, len(evaluation.evalImgs), num_images * num_ranges or 1):
        for image in evaluation.evalImgs[start : start + num_images]:
            if image is not None:
                counted = ~image["dtIgnore"][0].astype(bool)
                scores.append(np.array(image["dtScores"], dtype=float)[counted])
                are_right.append(image["dtMatches"][0][counted] > 0)
    return DetectionMarks(np.concatenate(scores), np.concatenate(are_right))


def _mean(values: Float[np.ndarray, "..."]) -> float:
    defined = values[values > _UNDEFINED]
    return float(defined.mean()) if defined.size else math.nan
