"""Datasets of a data file, an experiment, annotations or a folder of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from composer.data import DatasetDocument, find_data, require_datasets
from composer.documents import ProblemLog, SettingsSource, collect_settings, find_folder, read_root
from composer.errors import SpecError
from composer.experiment.data_sections import apply_to_data
from composer.files import is_there

if TYPE_CHECKING:
    from composer.experiment.model_settings import SettableModel


def find_datasets(
    data: str,
    images: str | None = None,
    names: Sequence[str] = (),
    *,
    format: str | None = None,  # noqa: A002 - the name of the option
    set: SettingsSource = (),
    model: SettableModel | None = None,
) -> Mapping[str, DatasetDocument]:
    """Finds datasets by name; none is opened.

    Args:
        data: a data file, an experiment, or annotations or images in any format.
        images: the folder of images of annotations.
        names: the datasets to choose; all of them if none is named.
        format: name of the format of annotations, where it could be several.
        set: values for params and addresses, by address or as texts `address=value`.
        model: a model that takes settings beside the data, and is given its own.

    Raises:
        SpecError: the file or a setting has problems.
        DataError: no format is recognised, or several are; or a data file has images.
        NameResolutionError: there is no dataset of a name.
    """
    if images is None and format is None and is_experiment(data):
        from composer.experiment.experiment import read_experiment  # imports torch

        datasets = read_experiment(data, set=set, model=model).datasets
    else:
        datasets = _read_data(data, images, format, set, model)
    require_datasets(names, datasets, data)
    return {name: datasets[name] for name in names or datasets}


def is_experiment(data: str) -> bool:
    """Whether a file is an experiment, not a data file or annotations."""
    path = Path(data)
    if path.suffix == ".json" or not (is_there(path) and path.is_file()):
        return False
    try:
        root = read_root(path, ProblemLog())
    except SpecError:
        return False
    return root.get("composer_experiment") is not None


def _read_data(
    data: str,
    images: str | None,
    format: str | None,  # noqa: A002 - the name of the option
    set: SettingsSource,
    model: SettableModel | None,
) -> Mapping[str, DatasetDocument]:
    log = ProblemLog()
    source = find_data(data, images, format)
    document = apply_to_data(source, collect_settings(set, log), log, model)
    found = document.validated(find_folder(source))
    log.raise_any()
    assert found is not None
    return found.datasets
