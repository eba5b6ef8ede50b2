"""The evaluation during a training, and checks of its metrics before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from composer.data import Dataset, InferenceBatches
from composer.errors import InputError
from composer.evaluation import (
    EvaluationProgress,
    Evaluator,
    Results,
    evaluate_graph,
    list_outputs,
    make_evaluators,
    write_evaluation,
)
from composer.experiment.datasets import Datasets
from composer.experiment.experiment import Experiment
from composer.graph import Graph
from composer.language import ImageFormat
from composer.names import did_you_mean
from composer.training import ProcessGroup, Validation

_FEW = 100  # images: more hardly add a metric


def make_validation(
    experiment: Experiment,
    datasets: Datasets,
    image_format: ImageFormat,
    processes: ProcessGroup,
    *,
    folder: Path,
    quiet: bool = False,
) -> Validation | None:
    """The evaluation during a training; None if the experiment has none.

    Args:
        experiment: the experiment.
        datasets: its datasets.
        image_format: the image format of the model.
        processes: the processes that share the work.
        folder: takes the files of the last evaluation, in the end.
        quiet: show no progress.
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

    losses = batches(annotated=True) if settings.losses else None
    if not settings.has_tasks:
        return Validation(every=settings.every, batches=losses)
    metrics = RepeatedEvaluation(
        datasets.validation, batches(annotated=False), settings.metrics, folder, quiet=quiet
    )
    return Validation(settings.every, metrics.measure, losses, metrics.write)


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


class RepeatedEvaluation:
    """The evaluation of one model at several times.

    Args:
        dataset: images and annotations.
        batches: the images of this process.
        tasks: the tasks; by default all that fit.
        folder: takes the files of the last evaluation.
        quiet: show no progress.
    """

    def __init__(
        self,
        dataset: Dataset,
        batches: InferenceBatches,
        tasks: list[str] | None,
        folder: Path,
        *,
        quiet: bool = False,
    ) -> None:
        self._dataset, self._batches, self._tasks = dataset, batches, tasks
        self._folder, self._quiet = folder, quiet
        self._last: tuple[Sequence[Evaluator], Results] | None = None

    def measure(self, graph: Graph) -> Mapping[str, float]:
        """The metrics of a graph by name."""
        options = self._batches.options
        evaluators = make_evaluators(
            self._dataset, self._tasks, outputs=list_outputs(graph), on_fault=options.on_fault
        )
        with EvaluationProgress(self._batches.num_images, quiet=self._quiet) as progress:
            results = evaluate_graph(
                graph,
                self._dataset,
                evaluators=evaluators,
                batches=self._batches,
                loading=options,
                on_batch=progress.update,
            )
        self._last = evaluators, results
        return results.flat()

    def write(self) -> None:
        """Writes metrics, detections and plots of the last evaluation, if there was one."""
        if self._last is not None:
            write_evaluation(self._folder, *self._last)
