"""Copies or links the images of a dataset, under names that are unique in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from composer.data.records import Record
from composer.errors import DataError

Pictures = Literal["copy", "link", "none"]


def name_images(records: Sequence[Record], *, by_stem: bool = False) -> dict[Path, PurePosixPath]:
    """Names for the images below one folder: their paths below the deepest folder of all.

    Args:
        records: the images.
        by_stem: whether names that differ in their suffixes only are one, as where a file of
            labels has the image's name.
    """
    files = list(dict.fromkeys(record.file_name for record in records))
    root = find_common_folder(files)
    names: dict[Path, PurePosixPath] = {}
    taken: set[PurePosixPath] = set()
    for file in files:
        name = PurePosixPath(Path(os.path.relpath(os.path.abspath(file), root)).as_posix())
        chosen, number = name, 1
        while _key(chosen, by_stem) in taken:
            number += 1
            chosen = name.with_name(f"{name.stem}_{number}{name.suffix}")
        taken.add(_key(chosen, by_stem))
        names[file] = chosen
    return names


def _key(name: PurePosixPath, by_stem: bool) -> PurePosixPath:
    return name.with_suffix("") if by_stem else name


def find_common_folder(files: Sequence[Path]) -> Path:
    """The deepest folder that has all files below it."""
    folders = [os.path.dirname(os.path.abspath(file)) for file in files]
    return Path(os.path.commonpath(folders)) if folders else Path()


def transfer_images(names: Mapping[Path, PurePosixPath], folder: Path, pictures: Pictures) -> None:
    """Copies images into a folder, or links them.

    Args:
        names: the name of each image below the folder.
        folder: the folder.
        pictures: `copy`, `link` (symbolic links to the images) or `none`.

    Raises:
        DataError: an image is missing.
        OSError: it cannot be written.
    """
    if pictures == "none":
        return
    for file, name in names.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not file.is_file():
            raise DataError(f"{file}: there is no such image")
        if pictures == "link":
            target.symlink_to(file.resolve())
        else:
            _copy(file, target)


def _copy(file: Path, target: Path) -> None:
    try:
        shutil.copyfile(file, target)
    except OSError as error:
        if error.filename2 is None:  # the image cannot be read
            raise
        # A full disk is blamed on the image that was read. Nameless, it gets that of the folder.
        raise OSError(error.errno, error.strerror) from error
