"""The datasets of an experiment, opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from composer.data import Dataset, Metadata, describe_untrainable, open_each
from composer.errors import DataError
from composer.experiment.experiment import Experiment

_SHARED = ("thing_classes", "stuff_classes", "keypoint_names")


@dataclass(frozen=True)
class Datasets:
    """The datasets of an experiment, opened.

    Args:
        by_name: the datasets in use.
        train: the training set: all of its datasets, joined.
        validation: the validation set, joined; None if there is no evaluation.
    """

    by_name: Mapping[str, Dataset]
    train: Dataset
    validation: Dataset | None

    @property
    def metadata(self) -> Metadata:
        """The classes and keypoints of the training set."""
        return self.train.metadata


def open_experiment_data(experiment: Experiment) -> Datasets:
    """Opens the datasets of an experiment.

    Raises:
        DataError: one cannot be opened, or their classes differ.
    """
    document = experiment.document
    validation = document.validation if document.evaluation is not None else None
    names = dict.fromkeys([*document.train.datasets, *(validation.datasets if validation else ())])
    datasets = open_each({name: experiment.datasets[name] for name in names})
    training_set = document.train.join_datasets(datasets)
    if not training_set.records:
        reasons = {name: describe_untrainable(datasets[name]) for name in document.train.datasets}
        told = "; ".join(f"'{name}': {reason}" for name, reason in reasons.items())
        raise DataError(f"there is nothing to train on. {told}")
    validation_set = validation.join_datasets(datasets) if validation else None
    if validation_set is not None:
        _require_same_classes(training_set, validation_set)
    return Datasets(datasets, training_set, validation_set)


def _require_same_classes(train: Dataset, validation: Dataset) -> None:
    for field in _SHARED:
        if getattr(train.metadata, field) != getattr(validation.metadata, field):
            raise DataError(
                f"datasets '{train.name}' and '{validation.name}' differ in their {field}: a model "
                "of the one cannot be evaluated on the other"
            )
