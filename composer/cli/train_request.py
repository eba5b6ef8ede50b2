"""What a user asks of `composer train`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from composer.data.data_file import DatasetDocument, describe_data
from composer.documents import as_absolute
from composer.experiment import Experiment, load_experiment, standard_experiment
from composer.training import RunFolder

_TIME = "%Y%m%d-%H%M%S"


@dataclass(frozen=True)
class TrainRequest:
    """The options of one training, as they were given.

    Args:
        spec: file or name of the spec, or None for the experiment's.
        experiment: file of the experiment, or None.
        data: data file or annotations, or None for the experiment's datasets.
        images: folder of images that annotations belong to.
        weights: a checkpoint, or None for what the experiment names.
        iterations: how many, or None for what the experiment says.
        settings: `name=value` for params.
        output: folder of the run, or None for a new one.
        resume: whether to go on.
        device: name of the device.
        dry_run: whether to check only.
        quiet: whether to show nothing but the end.
    """

    spec: str | None
    experiment: str | None
    data: str | None
    images: str | None
    weights: str | None
    iterations: int | None
    settings: Sequence[str]
    output: str | None
    resume: bool
    device: str
    dry_run: bool
    quiet: bool

    def __post_init__(self) -> None:
        if self.resume and self.output is None:
            raise click.UsageError("--resume wants the folder of the run: --output DIR")
        if self.images is not None and self.data is None:
            raise click.UsageError("--images goes with --data ANNOTATIONS")
        if self.experiment is None and not self.resume and None in (self.spec, self.data):
            raise click.UsageError(
                "name an experiment (--experiment FILE), or SPEC and --data FILE"
            )

    def read_experiment(self) -> Experiment:
        """The experiment that is meant.

        Raises:
            SpecError: with all of its problems.
            DataError: the data are not there.
        """
        # Files that the command line names are looked for in the current folder, not elsewhere.
        return self._load(self._find_datasets()).with_changes(
            spec=self.spec and as_absolute(self.spec),
            weights=self.weights and as_absolute(self.weights),
            iterations=self.iterations,
        )

    def find_folder(self, experiment: Experiment) -> Path:
        """The folder of the run: the one that is named, or a new one."""
        if self.output is not None:
            return Path(self.output)
        return Path("runs", f"{experiment.name}-{time.strftime(_TIME)}")

    def _load(self, datasets: Mapping[str, DatasetDocument] | None) -> Experiment:
        """The experiment that is named; that of a run that goes on; or else the standard one."""
        if self.experiment is not None:
            return load_experiment(self.experiment, settings=self.settings, datasets=datasets)
        if self.resume:
            written = RunFolder(self.output or "").experiment
            return load_experiment(written, settings=self.settings, datasets=datasets)
        return standard_experiment(self.spec or "", datasets or {}, settings=self.settings)

    def _find_datasets(self) -> Mapping[str, DatasetDocument] | None:
        if self.data is None:
            return None
        return describe_data(self.data, images=self.images).datasets
