"""Listing of the files of a folder."""

from __future__ import annotations

import os
from pathlib import Path

from composer.errors import DataError


class ImageFiles:
    """The files of a folder, listed once a folder and not asked for one by one.

    Args:
        root: the folder.

    Raises:
        DataError: there is no such folder.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise DataError(f"{root}: there is no such folder of images")
        self.root = root
        self._names: dict[Path, frozenset[str]] = {}

    def path(self, name: str) -> Path:
        """Where a file is, or would be."""
        return self.root / name

    def has(self, name: str) -> bool:
        """Whether there is a file of this name, which may lie in a folder below."""
        path = self.path(name)
        folder = path.parent
        if folder not in self._names:
            self._names[folder] = _list_files(folder)
        return path.name in self._names[folder]


def _list_files(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_file())
    except OSError:
        return frozenset()
