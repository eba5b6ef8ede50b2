"""Evaluators by task, and the tasks that a dataset, a model or a file of detections serves."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence

from composer.data import Dataset, FaultPolicy
from composer.errors import InputError
from composer.evaluation.cityscapes_evaluators import (
    INSTANCE_TASK,
    PIXEL_TASK,
    CityscapesInstanceEvaluator,
    CityscapesPixelEvaluator,
)
from composer.evaluation.coco_evaluator import COCO_TASKS, CocoEvaluator, find_annotated
from composer.evaluation.detections import Detections
from composer.evaluation.evaluator import Evaluator
from composer.evaluation.lvis_evaluator import LVIS_TASKS, LvisEvaluator
from composer.evaluation.panoptic_evaluator import PANOPTIC_TASK, PanopticEvaluator
from composer.evaluation.panoptic_results import PanopticWriter
from composer.evaluation.proposal_evaluator import PROPOSAL_TASK, ProposalEvaluator
from composer.evaluation.results import Results
from composer.evaluation.rotated_evaluator import ROTATED_TASK, RotatedEvaluator
from composer.evaluation.semantic_evaluator import SEMANTIC_TASK, SemanticEvaluator
from composer.evaluation.voc_evaluator import VOC_TASK, VocEvaluator
from composer.names import did_you_mean

TASKS: tuple[str, ...] = (
    *COCO_TASKS,
    *LVIS_TASKS,
    VOC_TASK,
    PROPOSAL_TASK,
    ROTATED_TASK,
    PANOPTIC_TASK,
    SEMANTIC_TASK,
    INSTANCE_TASK,
    PIXEL_TASK,
)

_OF_PIXELS: dict[str, Callable[..., Evaluator]] = {
    PANOPTIC_TASK: PanopticEvaluator,
    SEMANTIC_TASK: SemanticEvaluator,
    INSTANCE_TASK: CityscapesInstanceEvaluator,
    PIXEL_TASK: CityscapesPixelEvaluator,
}


def make_evaluators(
    dataset: Dataset,
    tasks: Sequence[str] | None = None,
    *,
    outputs: Collection[str] | None = None,
    on_fault: FaultPolicy = "skip",
    detections: Detections | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> list[Evaluator]:
    """Makes the evaluators of tasks on a dataset, for one evaluation.

    Those of instances share their detections, so that no mask is encoded twice.

    Args:
        dataset: images and annotations.
        tasks: names of `TASKS`; by default those that the dataset has annotations for and the
            model has outputs for.
        outputs: the keys of a model's outputs, such as `instances`; by default any.
        on_fault: policy on annotations that cannot be read: `skip` logs a warning and leaves the
            image out, `refuse` raises.
        detections: detections that all evaluators of instances share.
        folder: takes PNG files of the panoptic segments, if these are evaluated.

    Raises:
        InputError: there is no such task, or nothing that can be compared.
    """
    shared = Detections(dataset) if detections is None else detections
    if tasks is None:
        chosen = choose_tasks(dataset, outputs)
        if not chosen:
            given = "" if outputs is None else f" the model's {', '.join(outputs) or 'nothing'}"
            raise InputError(
                f"dataset '{dataset.name}' has nothing annotated that can be compared with{given}"
            )
        return _make(shared, chosen, on_fault, folder, are_required=False)
    for task in tasks:
        if task not in TASKS:
            raise InputError(f"no task is called '{task}'. {did_you_mean(task, TASKS, 'tasks')}")
    return _make(shared, list(dict.fromkeys(tasks)), on_fault, folder, are_required=True)


def choose_tasks(dataset: Dataset, outputs: Collection[str] | None = None) -> list[str]:
    """The tasks that a dataset has annotations for and a model has outputs for.

    `bbox` becomes `rotated_bbox` later, if the model's boxes are rotated. The tasks of Cityscapes
    and `boundary` are evaluated only if they are named.

    Args:
        dataset: images and annotations.
        outputs: the keys of a model's outputs; by default any.
    """
    tasks: list[str] = []

    def has(output: str) -> bool:
        return outputs is None or output in outputs

    annotated = find_annotated(dataset)
    if has("instances") and dataset.metadata.frequencies:
        tasks += [name for name, task in LVIS_TASKS.items() if task in annotated]
    elif has("instances"):
        tasks += [task for task in COCO_TASKS if task in annotated]
        if any(one.is_difficult for record in dataset.records for one in record.annotations):
            tasks.append(VOC_TASK)
    if outputs is not None and "proposals" in outputs and annotated:
        tasks.append(PROPOSAL_TASK)
    has_panoptic = bool(dataset.records) and all(r.panoptic_file for r in dataset.records)
    if has("panoptic_seg") and has_panoptic:
        tasks.append(PANOPTIC_TASK)
    if has("sem_seg") and _has_semantics(dataset):
        tasks.append(SEMANTIC_TASK)
    return tasks


def _make(
    found: Detections,
    tasks: Sequence[str],
    on_fault: FaultPolicy,
    folder: str | os.PathLike[str] | None,
    *,
    are_required: bool,
) -> list[Evaluator]:
    dataset = found.dataset
    evaluators: list[Evaluator] = []
    if coco := [task for task in tasks if task in COCO_TASKS]:
        chosen = coco if are_required else None
        evaluators.append(CocoEvaluator(dataset, tasks=chosen, detections=found))
    if lvis := [task for task in tasks if task in LVIS_TASKS]:
        evaluators.append(LvisEvaluator(dataset, tasks=lvis, detections=found))
    if VOC_TASK in tasks:
        evaluators.append(VocEvaluator(dataset, is_required=are_required, detections=found))
    if ROTATED_TASK in tasks:
        evaluators.append(RotatedEvaluator(dataset, found))
    if PROPOSAL_TASK in tasks:
        evaluators.append(ProposalEvaluator(dataset))
    evaluators += [
        _OF_PIXELS[task](dataset, on_fault=on_fault) for task in tasks if task in _OF_PIXELS
    ]
    if folder is not None and PANOPTIC_TASK in tasks:
        evaluators.append(PanopticWriter(dataset, folder))
    return evaluators


def _has_semantics(dataset: Dataset) -> bool:
    return bool(dataset.metadata.stuff_classes and dataset.records) and all(
        record.sem_seg_file or record.panoptic_file for record in dataset.records
    )


_OF_DETECTIONS = (*COCO_TASKS, *LVIS_TASKS, VOC_TASK, ROTATED_TASK)


def evaluate_detections(detections: Detections, tasks: Sequence[str] | None = None) -> Results:
    """Evaluates detections on their dataset.

    Args:
        detections: the detections; see `read_results`.
        tasks: the tasks; by default all that fit the detections and the dataset.

    Raises:
        InputError: a task is not about instances, or does not fit the detections.
    """
    evaluators = give_detections(detections, tasks)
    return Results.join(evaluator.results() for evaluator in evaluators)


def give_detections(detections: Detections, tasks: Sequence[str] | None = None) -> list[Evaluator]:
    """Makes evaluators of given detections.

    Args:
        detections: the detections.
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
