"""The files in a folder of kept values, and what shows that it is one."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from composer.errors import InputError

UNFINISHED = ".part.safetensors"
LOCK = ".lock"
_TAG = "CACHEDIR.TAG"  # by which backups pass over a folder: bford.info/cachedir
_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55"
_TEXT = f"{_SIGNATURE}\n# Kept values of detection-composer. Remove them at any time.\n"
_ENTRY = re.compile(r"[0-9a-f]{64}\.safetensors")
_GROUP = re.compile(r"[0-9a-f]{2}")
_OLD = 600.0  # seconds, after which nobody writes on what is unfinished


class KeptFile(NamedTuple):
    """A file of a cache.

    Attributes:
        path: the file.
        size: its bytes.
        used: when it was read or written last, in seconds since 1970.
    """

    path: Path
    size: int
    used: float

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody writes on it any more."""
        return time.time() - self.used > _OLD


def path_of(folder: Path, key: str) -> Path:
    """The file of a key."""
    return folder / key[:2] / f"{key}.safetensors"


def is_entry_name(name: str) -> bool:
    """Whether a file of this name is an entry."""
    return _ENTRY.fullmatch(name) is not None


def list_files(folder: Path) -> Iterator[KeptFile]:
    """Entries and unfinished files of a cache; of what else is there, none."""
    for group in _scan(folder):
        if _GROUP.fullmatch(group.name) and group.is_dir(follow_symlinks=False):
            for file in _scan(Path(group.path)):
                if not is_entry_name(file.name) and not file.name.endswith(UNFINISHED):
                    continue
                try:
                    state = file.stat(follow_symlinks=False)
                except OSError:  # another process has removed it
                    continue
                yield KeptFile(Path(file.path), state.st_size, state.st_mtime)


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def mark_folder(folder: Path, *, is_made: bool) -> None:
    """Makes sure that a folder is a cache of values, or may become one.

    Args:
        folder: the folder.
        is_made: whether it is made, and marked, if it is not there.

    Raises:
        InputError: it is a file, or a folder with other things.
        OSError: it cannot be made.
    """
    tag = folder / _TAG
    if is_cache(folder):
        return
    if os.path.lexists(folder) and not folder.is_dir():
        raise InputError(f"{folder}: a cache of values is a folder, and this is none")
    # Another process may be writing the mark just now.
    if not all(e.name in (_TAG, LOCK) or _GROUP.fullmatch(e.name) for e in _scan(folder)):
        raise InputError(
            f"{folder}: this folder has other things in it; values are kept in one of their own. "
            "Name a new folder."
        )
    if is_made:
        folder.mkdir(parents=True, exist_ok=True)
        tag.write_text(_TEXT, encoding="ascii")


def is_cache(folder: Path) -> bool:
    """Whether a folder is marked as a cache of values."""
    try:
        with (folder / _TAG).open("rb") as file:
            return file.read(len(_SIGNATURE)) == _SIGNATURE.encode()
    except OSError:
        return False
