"""The files of a folder, found by the names that annotations have for them.

Annotations come from other machines: with the separators of Windows, in another case or Unicode
form than the files, with the folder of the images before each name. A name means the file that has
it, and else the only one that it can mean.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from composer.data.faults import BadPart
from composer.data.readers.image_finder import ImageFinder, require_image_folder
from composer.images import IMAGE_SUFFIXES
from composer.names import fold_case

_MAX_LISTED = 3


@dataclass(frozen=True)
class _Folder:
    """The entries of a folder by name, and those alike in case and Unicode form."""

    files: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()

    @cached_property  # most datasets name every file as it is
    def by_form(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in sorted(self.files | self.folders):
            found.setdefault(fold_case(name), []).append(name)
        return found

    def find(self, name: str) -> str | None:
        """The entry of this name, or the only one whose name has the same form."""
        alike = self.by_form.get(fold_case(name), ())
        return name if name in alike else alike[0] if len(alike) == 1 else None


class ImageFiles:
    """The files of a folder, listed once a folder and not asked for one by one.

    Args:
        root: the folder.
        anywhere: whether a name without a file means the only one, wherever it lies below the
            folder, that has the longest end of the name; see `ImageFinder`.

    Raises:
        DataError: there is no such folder.
    """

    def __init__(self, root: Path, *, anywhere: bool = False) -> None:
        require_image_folder(root)
        self.root = root
        self._finder = ImageFinder(root) if anywhere else None
        self._folders: dict[Path, _Folder] = {}

    def path(self, name: str) -> Path:
        """Where a file is, or would be."""
        return self.find(name) or self.root / name

    def has(self, name: str) -> bool:
        """Whether there is a file of this name, which may lie in a folder below."""
        return self.find(name) is not None

    def find(self, name: str) -> Path | None:
        """The file that a name means, which may lie in a folder below; None if there is none.

        The name itself comes first, then the same with the separators of Windows, in another case
        or Unicode form, and without the last folder of `root` at its beginning.
        """
        found = self._find_by_path(name)
        if found is not None or self._finder is None:
            return found
        try:
            return self._finder.find(name)
        except BadPart:
            return None

    def _find_by_path(self, name: str) -> Path | None:
        exact = self.root / name
        if exact.name in self._list(exact.parent).files:
            return exact
        given = name.strip().replace("\\", "/")
        parts = [part for part in given.split("/") if part not in ("", ".")]
        if not parts or ".." in parts or given.startswith("/"):
            return None
        found = self._walk(parts)
        if found is None and fold_case(parts[0]) == fold_case(self.root.resolve().name):
            found = self._walk(parts[1:])
        return found

    def explain(self, name: str) -> str:
        """Why there is no file of a name, and which one could be meant."""
        reason = f"there is no such file in {self.root}"
        last = PurePosixPath(name.replace("\\", "/")).name
        alike = sorted(self._list(self.root).by_form.get(fold_case(last), ()))
        if len(alike) > 1:
            return f"{reason}; {' and '.join(alike[:_MAX_LISTED])} differ in case or form only"
        if alike:
            return f"{reason}, but {alike[0]} without the folders before it"
        stem = fold_case(PurePosixPath(last).stem)
        others = [stem + suffix for suffix in IMAGE_SUFFIXES]
        names = [each for form in others for each in self._list(self.root).by_form.get(form, ())]
        return f"{reason}, but {', '.join(names[:_MAX_LISTED])}" if names else reason

    def _walk(self, parts: list[str]) -> Path | None:
        """The file at a path below the root, each part of it found by its form."""
        folder = self.root
        for part in parts[:-1]:
            inner = self._list(folder).find(part)
            if inner is None:
                return None
            folder = folder / inner
        listed = self._list(folder)
        found = listed.find(parts[-1]) if parts else None
        return folder / found if found in listed.files and found is not None else None

    def _list(self, folder: Path) -> _Folder:
        if folder not in self._folders:
            self._folders[folder] = _list_folder(folder)
        return self._folders[folder]


def _list_folder(folder: Path) -> _Folder:
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.is_file()) for entry in entries]
    except (OSError, ValueError):
        return _Folder()
    return _Folder(
        frozenset(name for name, is_file in found if is_file),
        frozenset(name for name, is_file in found if not is_file),
    )
