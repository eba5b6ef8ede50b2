"""Images by name: those below folders, in lists, or of a dataset."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from composer.data import Dataset
from composer.discovery import resolve_image
from composer.errors import InputError
from composer.experiment import find_datasets
from composer.images import has_image_suffix, is_visualization, walk_folder
from composer.prediction import ImageSource
from composer.stores import is_store_address, list_in_store
from composer.text_files import TextFileError, read_text_file

_DATASETS = (".yaml", ".yml", ".json", ".csv", ".xml", ".parquet")
_LISTS = (".txt", ".lst")


def list_images(
    paths: Iterable[str | os.PathLike[str]],
    *,
    images: str | None = None,
    format: str | None = None,  # noqa: A002 - the name of the option
) -> list[str]:
    """The image files that paths name, each once, in the order that they come.

    Args:
        paths: images; folders, for all images in them and below, sorted by name; text files that
            name one image a line, from where they are; annotations and data files; or addresses.
        images: the folder of the images of annotations.
        format: the format of annotations, where it could be several.

    Raises:
        InputError: there is no such file or folder, or there are no images.
        DataError, SpecError: annotations cannot be read.
    """
    found: dict[str, None] = {}
    for path in paths:
        is_dataset = images is not None or format is not None or _is_dataset(path)
        listed = _list_dataset(path, images, format) if is_dataset else _list_one(path)
        found |= dict.fromkeys(listed)
    return list(found)


def list_sources(images: Any) -> Iterable[ImageSource]:
    """The images that a user means: by path, in a folder, of a dataset, or given one by one.

    Raises:
        InputError: there is no such file or folder.
    """
    if isinstance(images, Dataset):
        return [record.file_name for record in images]
    if isinstance(images, (str, os.PathLike)):
        return list_images([images])
    if isinstance(images, Iterable) and not hasattr(images, "shape"):
        return images
    return [images]


def _is_dataset(path: str | os.PathLike[str]) -> bool:
    return os.path.splitext(path)[1].lower() in _DATASETS and os.path.isfile(path)


def _list_dataset(
    path: str | os.PathLike[str],
    images: str | None,
    format: str | None,  # noqa: A002 - the name of the option
) -> list[str]:
    found = find_datasets(os.fspath(path), images, format=format)
    records = [record for name, one in found.items() for record in one.open(name)]
    return [os.fspath(record.file_name) for record in records]


def _list_in_store(address: str) -> list[str]:
    if has_image_suffix(Path(address)):
        return [address]
    images = [one for one in list_in_store(address) if has_image_suffix(Path(one))]
    if not images:
        raise InputError(f"{address}: there are no images below this address")
    return images


def _list_one(path: str | os.PathLike[str]) -> list[str]:
    if is_store_address(os.fspath(path)):
        return _list_in_store(os.fspath(path))
    file = resolve_image(path)
    if file.is_dir():
        images = [one for one in walk_folder(file) if has_image_suffix(one)]
        if not (chosen := [one for one in images if not is_visualization(one)]):
            raise InputError(f"{path}: there are no images in this folder, nor below it")
        return [os.fspath(one) for one in chosen]
    if file.suffix.lower() in _LISTS:
        return _read_list(file)
    if not file.exists() and not file.is_symlink():
        raise InputError(f"{path}: there is no such file or folder")
    return [os.fspath(path)]


def _read_list(file: Path) -> list[str]:
    if not file.is_file():
        raise InputError(f"{file}: there is no such file")
    try:
        lines = [line.strip() for line in read_text_file(file).splitlines()]
    except TextFileError as error:
        raise InputError(f"{file}: {error}") from None
    names = [line for line in lines if line and not line.startswith("#")]
    if not names:
        raise InputError(f"{file}: this list names no images")
    return [name if is_store_address(name) else os.path.join(file.parent, name) for name in names]
