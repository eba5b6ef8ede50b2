"""Evaluation of a graph on a dataset, in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from torch import distributed

from composer.construction import find_first_class
from composer.data import Dataset, ImageSize, InferenceBatches, LoadingOptions, Mapper, with_size
from composer.evaluation.augmented_predictor import AugmentedPredictor
from composer.evaluation.class_matching import MatchedClasses, count_from_zero
from composer.evaluation.evaluator import Evaluator, Predict, evaluate
from composer.evaluation.results import Results
from composer.evaluation.tasks import make_evaluators
from composer.graph import Graph, device_of
from composer.values import move

_DEFAULTS = LoadingOptions()

Batches = Iterable[list[dict[str, Any]]]


def evaluate_graph(
    graph: Graph,
    dataset: Dataset,
    *,
    tasks: Sequence[str] | None = None,
    evaluators: Sequence[Evaluator] | None = None,
    predict: Predict | None = None,
    batches: Batches | None = None,
    loading: LoadingOptions = _DEFAULTS,
    on_batch: Callable[[int], object] | None = None,
) -> Results:
    """Evaluates a graph on a dataset; afterwards its mode is as before.

    If the graph's spec names its classes, they are matched with the dataset's by name.

    Args:
        graph: the model.
        dataset: images and annotations.
        tasks: the tasks; by default all that fit dataset and model, see `make_evaluators`.
        evaluators: the evaluators, in place of `tasks`.
        predict: computes outputs in place of the graph itself, with its classes; an
            `AugmentedPredictor`, for instance.
        batches: the batches; by default those of `make_batches`.
        loading: batch size, workers and the policy on images and annotations that cannot be read,
            for `evaluators` and `batches` that are not given.
        on_batch: called after each batch with its number of images.

    Raises:
        InputError: model and dataset do not go together.
    """
    if evaluators is None:
        outputs = list_outputs(graph)
        evaluators = make_evaluators(dataset, tasks, outputs=outputs, on_fault=loading.on_fault)
    if batches is None:
        resize = not isinstance(predict, AugmentedPredictor)
        batches = make_batches(graph, dataset, loading, resize=resize)
    run = predict_with(graph) if predict is None else _count(predict, graph)
    run = MatchedClasses(run, graph.spec.metadata, dataset)
    with inferring(graph):
        return evaluate(run, batches, evaluators, model=graph, on_batch=on_batch)


def list_outputs(graph: Graph) -> list[str]:
    """The keys of a graph's outputs for an image."""
    return list(graph.blueprint.outputs.get("inference", ()))


def predict_with(graph: Graph) -> Predict:
    """A function that runs the graph on batches, on its device; classes count from 0."""
    device = device_of(graph)
    return _count(lambda batch: graph.run(move(batch, device), mode="inference"), graph)


def _count(predict: Predict, graph: Graph) -> Predict:
    return count_from_zero(predict, find_first_class(graph.blueprint))


def make_batches(
    graph: Graph,
    dataset: Dataset,
    loading: LoadingOptions = _DEFAULTS,
    *,
    resize: bool = True,
    image_size: ImageSize | None = None,
) -> InferenceBatches:
    """Batches of all images of a dataset for a graph; of several processes, its share.

    Args:
        graph: the model.
        dataset: the images.
        loading: batch size, workers and the policy on images that cannot be read; the shard is
            that of this process in the process group.
        resize: resize images to the graph's image size.
        image_size: pixels of the shorter side, or of that and the longer one's limit, in place of
            the graph's image size.

    Raises:
        InputError: the graph takes no images, or the size is none.
    """
    if distributed.is_available() and distributed.is_initialized():
        rank, world_size = distributed.get_rank(), distributed.get_world_size()
        loading = replace(loading, rank=rank, world_size=world_size)
    return InferenceBatches(
        dataset,
        Mapper(
            None if resize else [],
            with_size(graph.blueprint.image_format, image_size),
            metadata=dataset.metadata,
            annotated=False,
        ),
        loading,
    )


@contextmanager
def inferring(graph: Graph) -> Iterator[None]:
    """Puts a graph into inference mode; afterwards each module has its mode again."""
    modes = {module: module.training for module in graph.modules()}
    graph.eval()
    try:
        yield
    finally:
        for module, was_training in modes.items():
            module.training = was_training
