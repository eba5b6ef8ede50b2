"""Pascal VOC's average precision of boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from composer.data import Annotation, Dataset
from composer.evaluation.detections import ROTATED_KIND, Detections
from composer.evaluation.evaluator import InstanceEvaluator
from composer.evaluation.results import Results, TaskResults
from composer.evaluation.voc_precision import (
    FoundObject,
    Interpolation,
    TrueObjects,
    average_precision,
    rank_detections,
)

VOC_TASK = "voc"

_OVERLAPS = tuple(percent / 100 for percent in range(50, 100, 5))


class VocEvaluator(InstanceEvaluator):
    """Average precision as Pascal VOC counts it: `AP50` is its mAP, `AP` the mean over overlaps.

    Difficult objects and crowds are ignored, and so are detections of them.

    Args:
        dataset: images and annotations.
        interpolation: `area` as since 2010, or `11point` as in 2007.
        is_required: refuse rotated boxes; otherwise they have no results.
        detections: collects the detections; see `InstanceEvaluator`.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        interpolation: Interpolation = "area",
        is_required: bool = True,
        detections: Detections | None = None,
    ) -> None:
        super().__init__(dataset, detections)
        self._interpolation: Interpolation = interpolation
        self._is_required = is_required

    def results(self) -> Results:
        """The metrics of each class, and their means.

        Raises:
            InputError: the boxes are rotated.
        """
        if self._is_required:
            self.detections.require_upright(VOC_TASK)
        elif ROTATED_KIND in self.detections.kinds:
            return Results({}, len(self.dataset.records))
        names = self.dataset.metadata.thing_labels
        truth, found = self._true_objects(), self._found_objects()
        per_class = {
            name: self._measure(truth.get(category, {}), found.get(category, ()))
            for category, name in enumerate(names)
        }
        metrics = {
            metric: _mean([one[metric] for one in per_class.values()])
            for metric in ("AP", "AP50", "AP75")
        }
        return Results({VOC_TASK: TaskResults(metrics, per_class)}, len(self.dataset.records))

    def _measure(
        self, truth: Mapping[int, TrueObjects], found: Sequence[FoundObject]
    ) -> dict[str, float]:
        ranked = rank_detections(truth, found)
        by_overlap = {
            overlap: average_precision(ranked, overlap, self._interpolation)
            for overlap in _OVERLAPS
        }
        mean = _mean(list(by_overlap.values()))
        return {"AP": mean, "AP50": by_overlap[0.5], "AP75": by_overlap[0.75]}

    def _true_objects(self) -> dict[int, dict[int, TrueObjects]]:
        """The objects by class and image."""
        truth: dict[int, dict[int, TrueObjects]] = {}
        for place, record in enumerate(self.dataset.records):
            by_class: dict[int, list[Annotation]] = {}
            for one in record.annotations:
                by_class.setdefault(one.category, []).append(one)
            for category, objects in by_class.items():
                boxes = np.array([one.box for one in objects], dtype=np.float64)
                passed = np.array([one.is_difficult or one.is_crowd for one in objects])
                truth.setdefault(category, {})[place] = TrueObjects(boxes, passed)
        return truth

    def _found_objects(self) -> dict[int, list[FoundObject]]:
        """The detections by class, images in the order of their ids."""
        found: dict[int, list[FoundObject]] = {}
        for place in self.detections.index.order():
            for one in self.detections.by_image.get(place, ()):
                x, y, width, height = one["bbox"]
                box = (x, y, x + width, y + height)
                found.setdefault(one["category_id"], []).append(
                    FoundObject(place, one["score"], box)
                )
        return found


def _mean(values: Sequence[float]) -> float:
    """The mean of the values that are defined."""
    defined = [value for value in values if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan
