"""Evaluators, which compare outputs with ground truth, and the loop that calls them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import torch

from composer.data import Dataset
from composer.evaluation.detections import Detections, check_pairs
from composer.evaluation.gathering import compute_once, gather_parts
from composer.evaluation.image_index import ImageIndex
from composer.evaluation.results import Results
from composer.graph import Graph, in_step

T = TypeVar("T")
Record = Mapping[str, Any]
Predict = Callable[[list[dict[str, Any]]], Sequence[Record]]


class Evaluator(Protocol):
    """Compares outputs with the truth. One of these serves for one evaluation.

    Of an output it keeps what the metrics are made of, and in a small form (boxes, run lengths,
    counts of what occurs), so that images and masks do not pile up.
    """

    def process(self, inputs: Sequence[Record], outputs: Sequence[Record]) -> None:
        """Takes in a batch: the records that the model was given, and its output for each."""

    def gather(self) -> None:
        """Brings together, on the first process, what all processes took in.

        Called once, by all processes, after the last batch. Without `torch.distributed` there is
        nothing to do.
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
    """Runs a model over batches and compares what it gives with the truth.

    Where `torch.distributed` is set up, each process is given its own share of the batches, and
    all of them get the results of the whole.

    Args:
        predict: from a batch to an output for each image; a graph in inference mode, for instance.
        batches: the batches, in the `list[dict]` format with `image_id`.
        evaluators: what compares.
        model: the graph that `predict` runs. If its weights are spread over the processes, all
            run as many batches, of which those that are padding are not compared.
        on_batch: called after each batch with its number of images.

    Raises:
        InputError: the outputs do not fit the inputs, the dataset or a task.
    """
    with torch.no_grad():
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
    """Compares what a model detected with the objects of a dataset.

    Args:
        dataset: images and annotations.
        detections: where what is found goes; several evaluators of the dataset may share it. By
            default each has its own.

    Attributes:
        detections: what was found.
    """

    def __init__(self, dataset: Dataset, detections: Detections | None = None) -> None:
        self.dataset = dataset
        self.detections = Detections(dataset) if detections is None else detections

    def process(
        self, inputs: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]]
    ) -> None:
        """Takes in what was found in the images of a batch.

        Raises:
            InputError: the outputs do not belong to the inputs, or these not to the dataset.
        """
        self.detections.add(inputs, outputs)

    def gather(self) -> None:
        """Brings together, on the first process, what all processes took in."""
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
        """Brings together, on the first process, what all processes compared."""
        for compared in gather_parts(self._compared):
            self._compared.update(compared)

    @abstractmethod
    def _compare(self, place: int, output: Record) -> T:
        """Compares the output for the image at a position of the dataset."""

    @abstractmethod
    def results(self) -> Results:
        """The metrics of all images."""
