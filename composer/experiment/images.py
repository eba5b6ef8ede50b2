"""The datasets of an experiment, opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from composer.data.dataset import Dataset
from composer.data.metadata import Metadata
from composer.errors import DataError
from composer.experiment.experiment import Experiment

_SHARED = ("thing_classes", "stuff_classes", "keypoint_names")


@dataclass(frozen=True)
class Images:
    """The datasets of an experiment, opened.

    Args:
        datasets: those that are used, by name.
        learnt: all that is learnt from, joined.
        measured: all that is measured on, joined; None if nothing is.
    """

    datasets: Mapping[str, Dataset]
    learnt: Dataset
    measured: Dataset | None

    @property
    def metadata(self) -> Metadata:
        """What the numbers in what is learnt mean."""
        return self.learnt.metadata


def open_images(experiment: Experiment) -> Images:
    """Opens the datasets of an experiment.

    Raises:
        DataError: one cannot be opened, or their classes differ.
    """
    document = experiment.document
    validation = document.validation if document.evaluation is not None else None
    names = dict.fromkeys([*document.train.datasets, *(validation.datasets if validation else ())])
    datasets = {name: experiment.datasets[name].open(name) for name in names}
    learnt = document.train.choose_dataset(datasets)
    measured = validation.choose_dataset(datasets) if validation else None
    if measured is not None:
        _check_likeness(learnt, measured)
    return Images(datasets, learnt, measured)


def _check_likeness(learnt: Dataset, measured: Dataset) -> None:
    for what in _SHARED:
        if getattr(learnt.metadata, what) != getattr(measured.metadata, what):
            raise DataError(
                f"datasets '{learnt.name}' and '{measured.name}' differ in their {what}: what is "
                "learnt from one cannot be measured on the other"
            )
