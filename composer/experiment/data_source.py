"""Datasets of a data file, an experiment, annotations or a folder of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from composer.data.data_file import DatasetDocument, describe_data
from composer.data.dataset import require_datasets
from composer.documents import ProblemLog, read_yaml
from composer.errors import SpecError
from composer.experiment.experiment import load_experiment


def find_datasets(
    data: str,
    images: str | None = None,
    names: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> Mapping[str, DatasetDocument]:
    """Finds datasets by name; none is opened.

    Args:
        data: a data file, an experiment, annotations or a folder of images.
        images: the folder of images of annotations.
        names: the datasets to choose; all of them if none is named.
        settings: values for params, as `name=value`.

    Raises:
        SpecError: the file has problems.
        DataError: annotations go without images, or a data file has them.
        NameResolutionError: there is no dataset of a name.
    """
    if images is None and is_experiment(data):
        datasets = load_experiment(data, settings=settings).datasets
    else:
        datasets = describe_data(data, images=images, settings=settings).datasets
    require_datasets(names, datasets, data)
    return {name: datasets[name] for name in names or datasets}


def is_experiment(data: str) -> bool:
    """Whether a file is an experiment, not a data file or annotations."""
    path = Path(data)
    if path.suffix == ".json" or not path.is_file():
        return False
    try:
        root = read_yaml(path.read_text(encoding="utf-8"), data, ProblemLog())
    except (SpecError, UnicodeDecodeError):
        return False
    return root.get("composer_experiment") is not None
