"""What an experiment measures in between, and whether that has the figure that decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from composer.data.dataset import Dataset
from composer.data.loading import InferenceBatches
from composer.errors import InputError
from composer.evaluation import Results, evaluate_graph, make_evaluators
from composer.evaluation.graph_evaluation import list_outputs
from composer.experiment.experiment import Experiment
from composer.experiment.images import Images
from composer.graph import Graph
from composer.language import ImageFormat
from composer.names import did_you_mean
from composer.training import ProcessGroup, Validation

_FEW = 100  # images: which figures there are hardly depends on more


def make_validation(
    experiment: Experiment, images: Images, image_format: ImageFormat, world: ProcessGroup
) -> Validation | None:
    """What is measured in between; None if nothing is.

    Args:
        experiment: the experiment.
        images: its datasets.
        image_format: how the model wants images.
        world: the processes that share the work.
    """
    document = experiment.document
    settings, data = document.evaluation, document.validation
    if settings is None or data is None or images.measured is None:
        return None

    def batches(*, annotated: bool) -> InferenceBatches:
        return data.make_batches(
            images.datasets,
            image_format,
            annotated=annotated,
            rank=world.rank,
            world_size=world.size,
        )

    metrics = None
    if settings.measures_tasks:
        metrics = _measure(images.measured, batches(annotated=False), settings.metrics)
    losses = batches(annotated=True) if settings.losses else None
    return Validation(every=settings.every, metrics=metrics, batches=losses)


def require_figures(experiment: Experiment, images: Images, graph: Graph) -> None:
    """Makes sure that what is to be measured can be, before hours of training.

    A figure of a task that only the model's outputs decide on stays unknown until then.

    Args:
        experiment: the experiment.
        images: its datasets.
        graph: its model.

    Raises:
        InputError: the data do not serve a task, or a task has no figure of the name that decides.
    """
    document = experiment.document
    settings, measured = document.evaluation, images.measured
    if settings is None or measured is None or not settings.measures_tasks:
        return
    outputs = list_outputs(graph)
    make_evaluators(measured, settings.metrics, outputs=outputs)
    deciding = document.training.deciding_metrics.values()
    known = _list_figures(measured, outputs) if deciding else []
    tasks = {name.partition("/")[0] for name in known}
    for name in deciding:
        if name not in known and name.partition("/")[0] in tasks:
            hint = did_you_mean(name, known, "metrics")
            raise InputError(f"the evaluation gives no metric '{name}'. {hint}")


def _list_figures(dataset: Dataset, outputs: list[str]) -> list[str]:
    annotated = dataset.only_annotated()
    few = replace(dataset, records=(annotated.records or dataset.records)[:_FEW])
    evaluators = make_evaluators(few, outputs=outputs)
    return list(Results.join(evaluator.results() for evaluator in evaluators).flat())


def _measure(
    dataset: Dataset, batches: InferenceBatches, tasks: list[str] | None
) -> Callable[[Graph], Mapping[str, float]]:
    def measure(graph: Graph) -> Mapping[str, float]:
        options = batches.options
        results = evaluate_graph(graph, dataset, tasks=tasks, batches=batches, loading=options)
        return results.flat()

    return measure
