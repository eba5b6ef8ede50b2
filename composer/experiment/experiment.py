"""An experiment: model, datasets and training settings in one YAML file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from composer.catalogues import qualify_weights
from composer.data import DatasetDocument
from composer.documents import (
    DocumentSource,
    Located,
    Place,
    Problem,
    ProblemLog,
    Setting,
    SettingsSource,
    as_absolute,
    collect_settings,
    escape,
    find_beside,
    find_folder,
)
from composer.downloads import is_address
from composer.errors import SpecError
from composer.experiment.data_sections import MODEL
from composer.experiment.experiment_document import ExperimentDocument
from composer.experiment.model_settings import SettableModel
from composer.experiment.sections import apply_to_experiment, find_spec
from composer.files import is_there
from composer.graph import LoadOptions
from composer.json_documents import read_json_document
from composer.language import SavedSpec, log_notes
from composer.names import did_you_mean
from composer.runs import RunFolder


@dataclass(frozen=True)
class Experiment:
    """An experiment that was read and checked.

    Args:
        document: its values, with settings applied.
        datasets: the datasets by name, of the experiment or its data file.
        model_settings: values for params and addresses of the spec.
        folder: the folder of relative paths.
        source: the file, for messages.
        spec: the file or the qualified name of the spec.
        written: its values with their places, for messages.
    """

    document: ExperimentDocument
    datasets: Mapping[str, DatasetDocument]
    model_settings: tuple[Setting, ...]
    folder: Path
    source: str
    spec: str
    written: Located = field(default=Located({}, Place("")), compare=False, repr=False)

    @property
    def name(self) -> str:
        """Its name, or that of its file."""
        return self.document.name or Path(self.source).stem.strip("<>")

    @property
    def weights(self) -> str | dict[str, str] | None:
        """The initial checkpoints; None for those of the spec."""
        weights = self.document.weights
        if isinstance(weights, dict):
            return {node: self._beside(file) for node, file in weights.items()}
        return None if weights is None else self._beside(weights)

    @property
    def load_options(self) -> LoadOptions:
        """The options with which the initial checkpoints are loaded."""
        document = self.document
        return LoadOptions(
            skip_mismatched=document.skip_mismatched,
            allow_missing=document.allow_missing,
            allow_unexpected=document.allow_unexpected,
            key_mapping=document.key_mapping,
            section=document.section,
        )

    def _beside(self, file: str) -> str:
        if is_address(file):
            return file
        found = find_beside(file, self.folder)
        return str(found) if is_there(found) else file

    def with_initial_weights(
        self, weights: Mapping[str, str], *, from_scratch: bool = False, **options: Any
    ) -> Experiment:
        """The experiment with other initial weights.

        Args:
            weights: checkpoints by node, the empty name for all, in place of its own; nothing
                leaves those.
            from_scratch: whether layers that no given weights fill are trained from random values.
            **options: of the load, as `Graph.load` takes them; false and empty ones change nothing.
        """
        changes = {name: value for name, value in options.items() if value}
        if weights:
            files = {node: as_absolute(file) for node, file in weights.items()}
            changes["weights"] = files[""] if files.keys() == {""} else files
        if from_scratch:
            changes["from_scratch"] = True
        return replace(self, document=self.document.model_copy(update=changes))

    def as_document(self) -> dict[str, Any]:
        """The experiment as plain values that mean the same wherever they are read.

        Settings are in their places, and defaults are written out.
        """
        plain = self.document.model_dump(mode="json", by_alias=True)
        plain["spec"] = as_absolute(self.spec)
        weights = self.weights
        if isinstance(weights, dict):
            plain["weights"] = {node: _qualify(file) for node, file in weights.items()}
        elif weights is not None:
            plain["weights"] = _qualify(weights)
        plain["datasets"] = {name: call.resolved() for name, call in self.datasets.items()}
        for key, data in (("train", self.document.train), ("validation", self.document.validation)):
            if data is not None and data.augmentations is not None:
                plain[key]["augmentations"] = [call.resolved() for call in data.augmentations]
        settings: dict[str, Any] = {}
        for setting in self.model_settings:
            address = f"{MODEL}.{setting.address}"
            settings.pop(address, None)  # the later goes to the end
            settings[address] = setting.value.plain()
        return {**plain, "set": escape(settings)} if settings else plain


def load_experiment(
    source: DocumentSource,
    *,
    set: SettingsSource = (),
    data: DocumentSource | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> Experiment:
    """Reads an experiment and checks it. No dataset is opened, no model built.

    Args:
        source: a YAML file, or the values themselves.
        set: values for params and addresses (`training.optimizer.lr`, `model.num_classes`,
            `datasets.train.annotations`, or a unique end): by address, or as texts `address=value`
            with the value in YAML.
        data: a data file, in place of the experiment's datasets.
        folder: the folder of relative paths; by default that of the file.

    Raises:
        SpecError: with all problems at once, each with its place.
    """
    experiment = read_experiment(source, set=set, data=data, folder=folder)
    check_names(experiment)
    return experiment


def read_experiment(
    source: DocumentSource,
    *,
    set: SettingsSource = (),
    data: DocumentSource | None = None,
    folder: str | os.PathLike[str] | None = None,
    model: SettableModel | None = None,
    without: Mapping[str, str] = MappingProxyType({}),
) -> Experiment:
    """Reads an experiment without checking the names of datasets in `train` and `validation`.

    Args:
        source: as for `load_experiment`.
        set: as for `load_experiment`.
        data: as for `load_experiment`.
        folder: as for `load_experiment`.
        model: a model that settings are for, in place of the experiment's.
        without: sections that are left out, with the reason: settings of them are problems.

    Raises:
        SpecError: with all problems at once, each with its place.
    """
    log = ProblemLog()
    folder = find_folder(source) if folder is None else Path(folder)
    settings = collect_settings(set, log)
    parts = apply_to_experiment(source, settings, log, data=data, folder=folder, model=model)
    for section, why in without.items():
        parts.experiment.leave_out(section, why)
    document = parts.experiment.validated(folder)
    data_file = None if parts.data is None else parts.data.validated(parts.data_folder)
    label = "<dict>" if isinstance(source, Mapping) else os.fspath(source)
    log.raise_any(_describe_saved(source), parts.experiment.document.place.source)
    assert document is not None
    datasets = document.datasets if data_file is None else data_file.datasets
    assert not isinstance(datasets, str)
    place = parts.experiment.document.at(("spec",)).place
    spec, note = find_spec(document.spec, folder, place.source)
    log_notes([f"{place}: {note}"] if note else [])
    settings_of_model = tuple(parts.model.settings)
    written = parts.experiment.document
    return Experiment(document, datasets, settings_of_model, folder, label, spec, written)


def _describe_saved(source: DocumentSource) -> str:
    """What a training was saved with, of the experiment in the folder of a run; else nothing."""
    if isinstance(source, Mapping):
        return ""
    run = RunFolder(Path(source).parent)
    if run.experiment != Path(source):
        return ""
    try:
        plugins = read_json_document(run.versions)["plugins"]
        return SavedSpec({}, os.fspath(source), dict(plugins)).remark
    except (OSError, ValueError, KeyError, TypeError):  # a remark at most
        return ""


def _qualify(weights: str) -> str:
    return as_absolute(weights) if is_there(weights) else qualify_weights(weights)


def check_names(experiment: Experiment) -> None:
    """Checks that the datasets of `train` and `validation` exist.

    Raises:
        SpecError: with all that do not.
    """
    document, datasets = experiment.document, experiment.datasets
    problems = []
    for key, images in (("train", document.train), ("validation", document.validation)):
        for number, name in enumerate(images.datasets if images else ()):
            if name not in datasets:
                place = experiment.written.at((key, "datasets", number)).place
                hint = did_you_mean(name, datasets, "datasets")
                problems.append(Problem(place, f"there is no dataset '{name}'", hint))
    if problems:
        raise SpecError(problems)
