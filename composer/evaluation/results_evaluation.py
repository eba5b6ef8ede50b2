"""Evaluation of detections in a file, without a model."""

from __future__ import annotations

from collections.abc import Sequence

from composer.errors import InputError
from composer.evaluation.coco_evaluator import COCO_TASKS
from composer.evaluation.detections import Detections
from composer.evaluation.evaluator import Evaluator
from composer.evaluation.lvis_evaluator import LVIS_TASKS
from composer.evaluation.results import Results
from composer.evaluation.rotated_evaluator import ROTATED_TASK
from composer.evaluation.tasks import choose_tasks, make_evaluators
from composer.evaluation.voc_evaluator import VOC_TASK

_OF_DETECTIONS = (*COCO_TASKS, *LVIS_TASKS, VOC_TASK, ROTATED_TASK)


def evaluate_detections(detections: Detections, tasks: Sequence[str] | None = None) -> Results:
    """Measures detections on their dataset.

    Args:
        detections: what was found; see `read_results`.
        tasks: the tasks; by default all that the detections and the dataset serve.

    Raises:
        InputError: a task is not about instances, or the detections do not serve it.
    """
    evaluators = give_detections(detections, tasks)
    return Results.join(evaluator.results() for evaluator in evaluators)


def give_detections(detections: Detections, tasks: Sequence[str] | None = None) -> list[Evaluator]:
    """Evaluators that have been given detections, all at once.

    Args:
        detections: what was found.
        tasks: the tasks.

    Raises:
        InputError: a task is not about instances.
    """
    for task in tasks or ():
        if task not in _OF_DETECTIONS:
            raise InputError(
                f"a file of detections does not serve the task '{task}'; it serves "
                f"{', '.join(_OF_DETECTIONS)}"
            )
    dataset = detections.dataset
    if tasks is None and not choose_tasks(dataset, ["instances"]):
        raise InputError(f"dataset '{dataset.name}' has no annotated objects")
    return make_evaluators(dataset, tasks, outputs=["instances"], detections=detections)
