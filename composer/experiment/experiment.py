"""An experiment: what is learnt from what, and how."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from composer.data.data_file import DatasetDocument, read_data_file
from composer.data.plugin_call import PluginCall
from composer.documents import (
    DocumentSource,
    Place,
    Problem,
    as_absolute,
    find_beside,
    read_document,
)
from composer.errors import SpecError
from composer.experiment.language import ExperimentDocument
from composer.names import did_you_mean


@dataclass(frozen=True)
class Experiment:
    """An experiment that was read and checked.

    Args:
        document: what was written, with params in place.
        datasets: the datasets by name, be they written in the experiment or in a data file.
        folder: what relative paths start at.
        source: what it was read from, for messages.
    """

    document: ExperimentDocument
    datasets: Mapping[str, DatasetDocument]
    folder: Path
    source: str

    @property
    def name(self) -> str:
        """What the experiment is called: its own name, or that of its file."""
        return self.document.name or Path(self.source).stem.strip("<>")

    @property
    def spec(self) -> str:
        """The file or the name of the spec."""
        written = self.document.spec
        for candidate in (written, f"{written}.yaml"):
            found = find_beside(candidate, self.folder)
            if found.is_file():
                return str(found)
        return written

    @property
    def weights(self) -> str | dict[str, str] | None:
        """The checkpoints to begin with; None for what the spec names."""
        weights = self.document.weights
        if isinstance(weights, dict):
            return {node: self._beside(file) for node, file in weights.items()}
        return None if weights is None else self._beside(weights)

    def _beside(self, file: str) -> str:
        found = find_beside(file, self.folder)
        return str(found) if found.exists() else file

    def with_changes(
        self, *, spec: str | None = None, weights: str | None = None, iterations: int | None = None
    ) -> Experiment:
        """The same experiment with some of its values replaced.

        Args:
            spec: file or name of another spec.
            weights: another checkpoint to begin with.
            iterations: another length of the training.
        """
        changes: dict[str, Any] = {"spec": spec, "weights": weights}
        changes = {key: value for key, value in changes.items() if value is not None}
        if iterations is not None:
            training = self.document.training
            changes["training"] = training.model_copy(update={"iterations": iterations})
        return replace(self, document=self.document.model_copy(update=changes))

    def as_document(self) -> dict[str, Any]:
        """The experiment as plain values that mean the same wherever they are read."""
        plain = self.document.model_dump(mode="json", by_alias=True, exclude_unset=True)
        plain["spec"] = as_absolute(self.spec)
        if self.document.weights is not None:
            weights = self.weights
            plain["weights"] = (
                {node: as_absolute(file) for node, file in weights.items()}
                if isinstance(weights, dict)
                else as_absolute(str(weights))
            )
        plain["datasets"] = {name: _plain_call(call) for name, call in self.datasets.items()}
        plain.pop("data_params", None)
        for images in (self.document.train, self.document.validation):
            if images is not None and images.augmentations is not None:
                key = "train" if images is self.document.train else "validation"
                plain[key]["augmentations"] = [_plain_call(call) for call in images.augmentations]
        return plain


def load_experiment(
    source: DocumentSource,
    *,
    settings: Sequence[str] = (),
    datasets: Mapping[str, DatasetDocument] | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> Experiment:
    """Reads an experiment and checks it. No dataset is opened, no model built.

    Args:
        source: a YAML file, or the values themselves.
        settings: values for its params as `name=value`, the value in YAML.
        datasets: datasets by name, in place of those that the document has.
        folder: what relative paths start at; by default that of the file.

    Raises:
        SpecError: with all problems at once, each with its place.
    """
    document = read_document(source, ExperimentDocument, settings=settings, folder=folder)
    label = "<dict>" if isinstance(source, Mapping) else os.fspath(source)
    if folder is None:
        folder = Path() if isinstance(source, Mapping) else Path(source).parent
    if datasets is None:
        datasets = _find_datasets(document, Path(folder))
    _check_names(document, datasets, label)
    return Experiment(document, datasets, Path(folder), label)


def _find_datasets(document: ExperimentDocument, folder: Path) -> Mapping[str, DatasetDocument]:
    if not isinstance(document.datasets, str):
        return document.datasets
    settings = [f"{name}={json.dumps(value)}" for name, value in document.data_params.items()]
    return read_data_file(find_beside(document.datasets, folder), settings=settings).datasets


def _check_names(
    document: ExperimentDocument, datasets: Mapping[str, DatasetDocument], source: str
) -> None:
    """Checks that every dataset that is used is there.

    Raises:
        SpecError: with all that are not.
    """
    problems = []
    for key, images in (("train", document.train), ("validation", document.validation)):
        for number, name in enumerate(images.datasets if images else ()):
            if name not in datasets:
                place = Place(source, pointer=f"{key}.datasets[{number}]")
                hint = did_you_mean(name, datasets, "datasets")
                problems.append(Problem(place, f"there is no dataset '{name}'", hint))
    if problems:
        raise SpecError(problems)


def _plain_call(call: PluginCall) -> dict[str, Any]:
    """A call with the paths in its configuration made absolute."""
    plain = call.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if "with" in plain:
        plain["with"] = {
            name: _with_absolute_paths(call.configuration.get(name, value), value)
            for name, value in plain["with"].items()
        }
    return plain


def _with_absolute_paths(configured: Any, written: Any) -> Any:
    if isinstance(configured, Path):
        return str(configured.resolve())
    if isinstance(configured, (list, tuple)) and isinstance(written, list):
        return [_with_absolute_paths(c, w) for c, w in zip(configured, written, strict=False)]
    if isinstance(configured, dict) and isinstance(written, dict):
        return {
            key: _with_absolute_paths(configured.get(key), value) for key, value in written.items()
        }
    return written
