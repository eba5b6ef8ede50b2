"""The evaluation during a training, and checks of its metrics before it starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from composer.data import Dataset, InferenceBatches
from composer.errors import InputError
from composer.evaluation import Results, evaluate_graph, list_outputs, make_evaluators
from composer.experiment.datasets import Datasets
from composer.experiment.experiment import Experiment
from composer.graph import Graph
from composer.language import ImageFormat
from composer.names import did_you_mean
from composer.training import ProcessGroup, Validation

_FEW = 100  # images: more hardly add a metric


def make_validation(
    experiment: Experiment, datasets: Datasets, image_format: ImageFormat, processes: ProcessGroup
) -> Validation | None:
    """The evaluation during a training; None if the experiment has none.

    Args:
        experiment: the experiment.
        datasets: its datasets.
        image_format: the image format of the model.
        processes: the processes that share the work.
    """
    document = experiment.document
    settings, data = document.evaluation, document.validation
    if settings is None or data is None or datasets.validation is None:
        return None

    def batches(*, annotated: bool) -> InferenceBatches:
        return data.make_batches(
            datasets.by_name,
            image_format,
            annotated=annotated,
            rank=processes.rank,
            world_size=processes.size,
        )

    metrics = None
    if settings.has_tasks:
        metrics = _evaluate_on(datasets.validation, batches(annotated=False), settings.metrics)
    losses = batches(annotated=True) if settings.losses else None
    return Validation(every=settings.every, metrics=metrics, batches=losses)


def require_metrics(experiment: Experiment, datasets: Datasets, graph: Graph) -> None:
    """Checks, before hours of training, that the evaluation can compute its metrics.

    Metrics that exist for certain outputs of the model only are not checked.

    Args:
        experiment: the experiment.
        datasets: its datasets.
        graph: its model.

    Raises:
        InputError: a task lacks annotations, or has no metric of the name that `best` or
            `early_stopping` refers to.
    """
    document = experiment.document
    settings, dataset = document.evaluation, datasets.validation
    if settings is None or dataset is None or not settings.has_tasks:
        return
    outputs = list_outputs(graph)
    make_evaluators(dataset, settings.metrics, outputs=outputs)
    deciding = document.training.deciding_metrics.values()
    known = _list_metrics(dataset, outputs) if deciding else []
    tasks = {name.partition("/")[0] for name in known}
    for name in deciding:
        if name not in known and name.partition("/")[0] in tasks:
            hint = did_you_mean(name, known, "metrics")
            raise InputError(f"the evaluation has no metric '{name}'. {hint}")


def _list_metrics(dataset: Dataset, outputs: list[str]) -> list[str]:
    annotated = dataset.only_annotated()
    few = replace(dataset, records=(annotated.records or dataset.records)[:_FEW])
    evaluators = make_evaluators(few, outputs=outputs)
    return list(Results.join(evaluator.results() for evaluator in evaluators).flat())


def _evaluate_on(
    dataset: Dataset, batches: InferenceBatches, tasks: list[str] | None
) -> Callable[[Graph], Mapping[str, float]]:
    def evaluate(graph: Graph) -> Mapping[str, float]:
        options = batches.options
        results = evaluate_graph(graph, dataset, tasks=tasks, batches=batches, loading=options)
        return results.flat()

    return evaluate
