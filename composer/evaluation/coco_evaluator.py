"""COCO's average precision of boxes, masks and keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from composer.data import Dataset
from composer.errors import InputError
from composer.evaluation.coco_scores import CocoScores, choose_sigmas, compare, score
from composer.evaluation.coco_truth import TASK_KINDS, CocoTask, make_found, make_truth
from composer.evaluation.detections import ROTATED_KIND, Detections
from composer.evaluation.evaluator import InstanceEvaluator
from composer.evaluation.results import Results, TaskResults
from composer.evaluation.rotated_evaluator import ROTATED_TASK, measure_rotated
from composer.names import did_you_mean
from composer.plurals import count_noun

COCO_TASKS: tuple[CocoTask, ...] = get_args(CocoTask)

_FIELDS = {
    "bbox": "pred_boxes",
    "segmentation": "pred_masks",
    "keypoints": "pred_keypoints",
}


class CocoEvaluator(InstanceEvaluator):
    """COCO's average precision and recall (Lin et al. 2014), computed by pycocotools.

    All images of the dataset count; one that was never processed has no detections. A metric
    that no object defines is NaN.

    Args:
        dataset: images and annotations.
        tasks: `bbox`, `segm`, `boundary` (masks by the lower one of IoU and Boundary IoU) and
            `keypoints`; by default those that both the annotations and the outputs have but
            `boundary`, and `rotated_bbox` in place of `bbox` where boxes are rotated.
        max_detections: numbers of detections per image, for boxes and masks. AP is that at the
            last of these.
        keypoint_sigmas: how far annotators differ, for each keypoint, relative to the square root
            of an object's area. By default COCO's for its 17 keypoints, and their mean for others.
        detections: collects the detections; see `InstanceEvaluator`.

    Attributes:
        detections: the detections.
        scores: precision and recall of each task, in full, once there are results.

    Raises:
        InputError: a task is none of these, or the dataset has nothing annotated for it.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        tasks: Sequence[str] | None = None,
        max_detections: Sequence[int] = (1, 10, 100),
        keypoint_sigmas: Sequence[float] | None = None,
        detections: Detections | None = None,
    ) -> None:
        super().__init__(dataset, detections)
        annotated = find_annotated(dataset)
        for task in tasks or ():
            _check_task(task, annotated, dataset)
        self.tasks: tuple[CocoTask, ...] = tuple(
            task for task in COCO_TASKS if task in (annotated if tasks is None else tasks)
        )
        self.scores: dict[CocoTask, CocoScores] = {}
        self._are_required = tasks is not None
        self._limits = tuple(max_detections)
        self._sigmas = keypoint_sigmas

    def results(self) -> Results:
        """The metrics of each task, and of each class.

        Raises:
            InputError: the outputs have no masks or keypoints, but a given task compares them.
        """
        tasks: dict[str, TaskResults] = {task: self._evaluate(task) for task in self._find_tasks()}
        if ROTATED_KIND in self.detections.kinds and "bbox" in self.tasks:
            tasks[ROTATED_TASK] = measure_rotated(self.detections, self._limits)
        return Results(tasks, len(self.dataset.records))

    def score(self, task: CocoTask) -> CocoScores:
        """Precision and recall of a task, in full."""
        order, log = self.detections.index.order(), self.detections
        truth = make_truth(self.dataset, order, task, log.sizes)
        found = make_found(self.dataset, order, task, log.by_image)
        if task != "keypoints":
            return score(compare(truth, found, task, limits=self._limits))
        return score(compare(truth, found, task, sigmas=self._choose_sigmas()))

    def _choose_sigmas(self) -> Sequence[float]:
        """The sigmas of the keypoints, after a check that all agree on their number."""
        count = count_keypoints(self.dataset)
        sigmas = choose_sigmas(count) if self._sigmas is None else self._sigmas
        if len(sigmas) != count:
            raise InputError(f"{len(sigmas)} keypoint sigmas for objects of {count} keypoints")
        for detections in self.detections.by_image.values():
            # What has no keypoints takes no part, as what has no mask does not where masks do.
            lengths = {len(one["keypoints"]) for one in detections if "keypoints" in one}
            if lengths - {3 * count}:
                predicted = count_noun(max(lengths) // 3, "keypoint")
                raise InputError(
                    f"the model predicts {predicted}, but the objects of '{self.dataset.name}' "
                    f"have {count}"
                )
        return sigmas

    def _find_tasks(self) -> list[CocoTask]:
        """The tasks that the outputs serve; without any output, all of them."""
        kinds = self.detections.kinds
        if self._are_required and "bbox" in self.tasks:
            self.detections.require_upright("bbox")
        served = kinds - {"bbox"} if ROTATED_KIND in kinds else kinds
        missing = [task for task in self.tasks if kinds and TASK_KINDS[task] not in served]
        if missing and self._are_required:
            raise InputError(
                f"the task '{missing[0]}' needs '{_FIELDS[TASK_KINDS[missing[0]]]}', which the "
                "model's instances do not have"
            )
        return [task for task in self.tasks if task not in missing]

    def _evaluate(self, task: CocoTask) -> TaskResults:
        scores = self.scores[task] = self.score(task)
        return scores.summarize(task, self.dataset.metadata.thing_labels)


def find_annotated(dataset: Dataset) -> set[CocoTask]:
    """The tasks that a dataset has annotations for, but `boundary`: it goes with `segm`."""
    found: set[CocoTask] = set()
    for record in dataset.records:
        for annotation in record.annotations:
            found.add("bbox")
            if annotation.segmentation is not None:
                found.add("segm")
            if annotation.keypoints is not None:
                found.add("keypoints")
    return found


def count_keypoints(dataset: Dataset) -> int:
    """The number of keypoints of the objects of a dataset."""
    annotated = (a.keypoints for record in dataset.records for a in record.annotations)
    lengths = (len(points) // 3 for points in annotated if points is not None)
    return len(dataset.metadata.keypoint_names) or next(lengths, 0)


def _check_task(task: str, annotated: set[CocoTask], dataset: Dataset) -> None:
    if task not in COCO_TASKS:
        raise InputError(f"no task is called '{task}'. {did_you_mean(task, COCO_TASKS, 'tasks')}")
    needed = "segm" if task == "boundary" else task
    if needed not in annotated and dataset.records and task != "bbox":
        raise InputError(
            f"the dataset '{dataset.name}' has nothing annotated for the task '{task}'"
        )
