"""What the evaluators of instances have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from composer.data import Dataset
from composer.evaluation.detections import Detections
from composer.evaluation.results import Results


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
