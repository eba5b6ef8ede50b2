"""LVIS's average precision, for federated annotations."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from pycocotools.cocoeval import COCOeval

from composer.data import Dataset
from composer.errors import InputError
from composer.evaluation.coco_evaluator import find_annotated
from composer.evaluation.coco_scores import CocoScores, compare, score
from composer.evaluation.coco_truth import CocoTask, make_found, make_truth
from composer.evaluation.detections import ROTATED_KIND, Detection, Detections
from composer.evaluation.evaluator import InstanceEvaluator
from composer.evaluation.results import Results, TaskResults

LVIS_TASKS: dict[str, CocoTask] = {"lvis_bbox": "bbox", "lvis_segm": "segm"}

_FREQUENCIES = "rcf"  # rare, common, frequent


class LvisEvaluator(InstanceEvaluator):
    """Average precision on federated annotations (Gupta et al. 2019, LVIS, section 2 and 4).

    A class is evaluated only in images that have objects of it, or are annotated to have none.
    Where its objects are not all annotated, other detections are ignored. At most
    `max_detections` of an image count, over all classes. `APr`, `APc` and `APf` are the means over
    rare, common and frequent classes.

    Args:
        dataset: images and annotations; records with `neg_categories` and
            `not_exhaustive_categories`, metadata with `frequencies`.
        tasks: `lvis_bbox` and `lvis_segm`; by default those that both the annotations and the
            outputs have.
        max_detections: number of detections per image.
        detections: collects the detections; see `InstanceEvaluator`.

    Raises:
        InputError: the dataset does not say how frequent its classes are.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        tasks: Collection[str] | None = None,
        max_detections: int = 300,
        detections: Detections | None = None,
    ) -> None:
        super().__init__(dataset, detections)
        if not dataset.metadata.frequencies:
            raise InputError(
                f"dataset '{dataset.name}' does not say how frequent its classes are, as LVIS "
                "does; take the tasks 'bbox' and 'segm'"
            )
        annotated = find_annotated(dataset)
        self.tasks = tuple(
            name
            for name, task in LVIS_TASKS.items()
            if (task in annotated if tasks is None else name in tasks)
        )
        self._max_detections = max_detections

    def results(self) -> Results:
        """The metrics of each task, and of each class."""
        kinds = self.detections.kinds
        tasks = {
            name: self._evaluate(LVIS_TASKS[name])
            for name in self.tasks
            if not kinds
            or ("segmentation" in kinds if name == "lvis_segm" else ROTATED_KIND not in kinds)
        }
        return Results(tasks, len(self.dataset.records))

    def _evaluate(self, task: CocoTask) -> TaskResults:
        scores = self._score(task)
        metadata = self.dataset.metadata
        results = scores.summarize(task, metadata.thing_labels)
        metrics = dict(results.metrics)
        for letter in _FREQUENCIES:
            chosen = [at for at, mark in enumerate(metadata.frequencies) if mark == letter]
            metrics[f"AP{letter}"] = scores.average_precision(categories=chosen)
        return TaskResults(metrics, results.per_class)

    def _score(self, task: CocoTask) -> CocoScores:
        order, log = self.detections.index.order(), self.detections
        kept = {
            place: _keep_best(found, self._max_detections) for place, found in log.by_image.items()
        }
        evaluation = compare(
            make_truth(self.dataset, order, task, log.sizes),
            make_found(self.dataset, order, task, kept),
            task,
            limits=[self._max_detections],
            kind=FederatedComparison,
        )
        assert isinstance(evaluation, FederatedComparison)
        for image_id, place in enumerate(order):
            record = self.dataset.records[place]
            present = {one.category for one in record.annotations}
            evaluation.judged[image_id] = present | set(record.extra.get("neg_categories", ()))
            evaluation.incomplete[image_id] = set(record.extra.get("not_exhaustive_categories", ()))
        return score(evaluation)


class FederatedComparison(COCOeval):  # type: ignore[misc]
    """pycocotools' comparison with LVIS's rules.

    Attributes:
        judged: the classes annotated to be or not to be in an image, by image.
        incomplete: those of which not all objects are annotated.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.judged: dict[int, set[int]] = {}
        self.incomplete: dict[int, set[int]] = {}

    def _prepare(self) -> None:
        """Drops detections of classes that are not evaluated in their image."""
        super()._prepare()
        for image_id, category in list(self._dts):
            if category not in self.judged[image_id]:
                del self._dts[image_id, category]

    def evaluateImg(  # noqa: N802 - pycocotools' name
        self, image_id: int, category: int, area_range: Sequence[float], limit: int
    ) -> dict[str, Any] | None:
        """Compares one class in one image."""
        found: dict[str, Any] | None = super().evaluateImg(image_id, category, area_range, limit)
        if found is not None and category in self.incomplete[image_id]:
            found["dtIgnore"] = np.logical_or(found["dtIgnore"], found["dtMatches"] == 0)
        return found


def _keep_best(detections: Sequence[Detection], count: int) -> list[Detection]:
    return sorted(detections, key=lambda one: -one["score"])[:count]
