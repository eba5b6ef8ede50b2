"""Evaluators, which compare outputs with ground truth, and the loop that calls them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import torch

from composer.data import Dataset
from composer.evaluation.collectives import compute_once, gather_parts
from composer.evaluation.detections import Detections, check_pairs
from composer.evaluation.image_index import ImageIndex
from composer.evaluation.results import Results
from composer.graph import Graph, in_step
from composer.worker_death import reporting_worker_death

T = TypeVar("T")
Record = Mapping[str, Any]
Predict = Callable[[list[dict[str, Any]]], Sequence[Record]]


class Evaluator(Protocol):
    """Computes metrics of outputs against ground truth, in one evaluation.

    Of an output it keeps a small form only (boxes, run lengths, counts), so that images and masks
    do not fill the memory.
    """

    def process(self, inputs: Sequence[Record], outputs: Sequence[Record]) -> None:
        """Adds a batch: the input records, and the output for each."""

    def gather(self) -> None:
        """Gathers the outputs of all processes on rank 0.

        Called once, by all processes, after the last batch. Without `torch.distributed` it does
        nothing.
        """

    def results(self) -> Results:
        """The metrics of all images; called on rank 0 only."""


def evaluate(
    predict: Predict,
    batches: Iterable[list[dict[str, Any]]],
    evaluators: Sequence[Evaluator],
    *,
    model: Graph | None = None,
    on_batch: Callable[[int], object] | None = None,
) -> Results:
    """Runs a model over batches and computes the metrics of its outputs.

    With `torch.distributed`, each process takes its own share of the batches, and all of them
    return the results of the whole.

    Args:
        predict: maps a batch to an output for each image; a graph in inference mode, for instance.
        batches: the batches, in the `list[dict]` format with `image_id`.
        evaluators: the evaluators.
        model: the graph that `predict` runs. If its weights are sharded over the processes, all
            run as many batches; padding is not evaluated.
        on_batch: called after each batch with its number of images.

    Raises:
        InputError: the outputs do not fit the inputs, the dataset or a task.
        DataError: a data worker ended.
    """
    with torch.no_grad(), reporting_worker_death():
        for inputs, counts in in_step(model, batches):
            outputs = predict(inputs)
            if not counts:
                continue
            check_pairs(inputs, outputs)
            for evaluator in evaluators:
                evaluator.process(inputs, outputs)
            if on_batch is not None:
                on_batch(len(inputs))
    for evaluator in evaluators:
        evaluator.gather()
    return compute_once(lambda: Results.join(evaluator.results() for evaluator in evaluators))


class InstanceEvaluator(ABC):
    """Compares detections with the objects of a dataset.

    Args:
        dataset: images and annotations.
        detections: collects the detections; evaluators of a dataset may share one. By default
            each has its own.

    Attributes:
        detections: the detections.
    """

    def __init__(self, dataset: Dataset, detections: Detections | None = None) -> None:
        self.dataset = dataset
        self.detections = Detections(dataset) if detections is None else detections

    def process(
        self, inputs: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]]
    ) -> None:
        """Adds the detections in the images of a batch.

        Raises:
            InputError: the outputs do not belong to the inputs, or these not to the dataset.
        """
        self.detections.add(inputs, outputs)

    def gather(self) -> None:
        """Gathers the detections of all processes on rank 0."""
        self.detections.gather()

    @abstractmethod
    def results(self) -> Results:
        """The metrics of all images."""


class ImageEvaluator(ABC, Generic[T]):
    """Compares outputs with a dataset image by image, and keeps the comparisons.

    An image that comes twice counts once.

    Args:
        dataset: images and annotations.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._index = ImageIndex(dataset)
        self._compared: dict[int, T] = {}

    def process(self, inputs: Sequence[Record], outputs: Sequence[Record]) -> None:
        """Compares the outputs of a batch.

        Raises:
            InputError: the outputs do not belong to the inputs, or these not to the dataset; an
                output lacks what is compared, or has another size than the image; or an annotation
                cannot be read, and that is refused.
        """
        check_pairs(inputs, outputs)
        for record, output in zip(inputs, outputs, strict=True):
            place = self._index.find(record)
            self._compared[place] = self._compare(place, output)

    def gather(self) -> None:
        """Gathers the values of all processes on rank 0."""
        for compared in gather_parts(self._compared):
            self._compared.update(compared)

    @abstractmethod
    def _compare(self, place: int, output: Record) -> T:
        """Compares the output for the image at a position of the dataset."""

    @abstractmethod
    def results(self) -> Results:
        """The metrics of all images."""
