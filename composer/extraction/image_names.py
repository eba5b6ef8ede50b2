"""Images by name: those below folders, in lists, or of a dataset."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from composer.data import Dataset
from composer.discovery import resolve_image
from composer.errors import InputError
from composer.images import has_image_suffix, is_visualization, walk_folder
from composer.prediction import ImageSource
from composer.text_files import read_text_file

_LISTS = (".txt", ".lst")


def list_images(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """The image files that paths name, each once, in the order that they come.

    Args:
        paths: images; folders, for all images in them and below, sorted by name; or text files
            that name one image a line, from where they are.

    Raises:
        InputError: there is no such file or folder, or there are no images.
    """
    found: dict[str, None] = {}
    for path in paths:
        found |= dict.fromkeys(_list_one(path))
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


def _list_one(path: str | os.PathLike[str]) -> list[str]:
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
    return [os.fspath(file)]


def _read_list(file: Path) -> list[str]:
    if not file.is_file():
        raise InputError(f"{file}: there is no such file")
    lines = [line.strip() for line in read_text_file(file).splitlines()]
    names = [line for line in lines if line and not line.startswith("#")]
    if not names:
        raise InputError(f"{file}: this list names no images")
    return [name if "://" in name else os.path.join(file.parent, name) for name in names]
