"""Folders of images: hidden files and what programs leave beside images are passed over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_NOT_FOR_USERS = {"__macosx", "@eadir", "$recycle.bin", "system volume information"}


def is_passed_over(name: str) -> bool:
    """Whether a file or folder inside a given folder is hidden, or a program's own.

    These are names that begin with a dot (`._0001.jpg` of macOS, `.ipynb_checkpoints`,
    `.thumbnails`) and folders such as `__MACOSX`.

    Args:
        name: without its folder.
    """
    return name.startswith(".") or name.lower() in _NOT_FOR_USERS


def list_folder(folder: Path) -> list[Path]:
    """The files and folders in a folder, sorted by name, without those that are passed over.

    Raises:
        OSError: it cannot be listed.
    """
    return sorted(path for path in folder.iterdir() if not is_passed_over(path.name))


def find_in_folder(folder: Path, *suffixes: str) -> list[Path]:
    """The entries of a folder whose names have one of some suffixes, sorted by name.

    Args:
        folder: need not exist.
        suffixes: with their dots, in lower case.
    """
    entries = list_folder(folder) if folder.is_dir() else []
    return [path for path in entries if path.suffix.lower() in suffixes]


def walk_folder(folder: Path) -> Iterator[Path]:
    """The files in a folder and in the folders below, sorted in each; links are not followed.

    Args:
        folder: may be hidden itself.
    """
    for root, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if not is_passed_over(name))
        yield from (Path(root, name) for name in sorted(names) if not is_passed_over(name))
