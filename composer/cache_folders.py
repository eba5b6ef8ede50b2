"""The one cache of this package on disk: a folder for each kind of file.

A kind's folder has an entry for each thing that is kept, a file or a folder. Who writes one into
which others may look holds `.locks/<entry>.lock`. What has another name than our entries have was
put there by somebody else, and is never removed.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

VARIABLE = "COMPOSER_CACHE"
KINDS = {
    "downloads": "weights and other files by address",
    "compiled": "compiled parts of models",
    "contracts": "checked specs, and descriptions of node types",
}
_NAME = "detection-composer"
_LOCKS, _RECORDS = ".locks", ".records"
_ENTRY = re.compile(r"[0-9a-f]{32,}(\..*)?")
_UNFINISHED = ".part"
_OLD = 3600.0  # seconds, after which nobody writes on what is unfinished


class CacheContents(NamedTuple):
    """The contents of the cache of one kind.

    Attributes:
        kind: the kind.
        folder: its folder, which need not exist.
        num_entries: the number of entries.
        size: bytes of all files.
    """

    kind: str
    folder: Path
    num_entries: int
    size: int


class Cleared(NamedTuple):
    """What clearing did.

    Attributes:
        kind: the kind.
        num_entries: entries that were removed.
        size: their bytes.
        in_use: names of the entries that another process holds, which stay.
    """

    kind: str
    num_entries: int
    size: int
    in_use: tuple[str, ...]


def find_cache_root() -> Path:
    """The folder of the whole cache; it need not exist."""
    if named := os.environ.get(VARIABLE, "").strip():
        return Path(named).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path(_NAME, appauthor=False)


def find_cache_folder(kind: str) -> Path:
    """The folder of the cache for files of a kind; it need not exist.

    Args:
        kind: one of `KINDS`.
    """
    return find_cache_root() / kind


def measure_cache(kind: str) -> CacheContents:
    """Counts what is in the cache of a kind.

    Args:
        kind: one of `KINDS`.
    """
    folder = find_cache_folder(kind)
    entries = list(_list_entries(folder))
    return CacheContents(kind, folder, len(entries), sum(_measure(each) for each in entries))


def clear_cache(kind: str) -> Cleared:
    """Removes what is in the cache of a kind, but for entries that another process holds.

    Hashes of downloads stay noted, so that another content of the same address is noticed.

    Args:
        kind: one of `KINDS`.

    Raises:
        OSError: an entry cannot be removed.
    """
    folder = find_cache_folder(kind)
    count, size, in_use = 0, 0, []
    for entry in _list_entries(folder):
        with _try_lock(folder, entry.name) as has_lock:
            if not has_lock:
                in_use.append(entry.name)
                continue
            bytes_of = _measure(entry)
            _remove(entry)
        count, size = count + 1, size + bytes_of
    return Cleared(kind, count, size, tuple(in_use))


def _list_entries(folder: Path) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if _is_entry(folder, name):
            yield folder / name


def _is_entry(folder: Path, name: str) -> bool:
    """Whether this package made it: by its name, its record, or as what a killed process left."""
    if _ENTRY.fullmatch(name):
        return True
    if name.startswith("."):
        path = folder / name
        is_unfinished = _UNFINISHED in path.suffixes
        return is_unfinished and time.time() - path.lstat().st_mtime > _OLD
    noted = (folder / _RECORDS / f"{name}.json", folder / _LOCKS / f"{name}.lock")
    return any(path.is_file() for path in noted)


def _measure(entry: Path) -> int:
    """Bytes of a file, or of all files of a folder; links count nothing."""
    if entry.is_symlink() or not entry.is_dir():
        return _size_of(entry)
    found = 0
    for parent, _, names in os.walk(entry):
        found += sum(_size_of(Path(parent, name)) for name in names)
    return found


def _size_of(path: Path) -> int:
    try:
        return 0 if path.is_symlink() else path.stat().st_size
    except OSError:  # another process has just removed it
        return 0


def _remove(entry: Path) -> None:
    with suppress(FileNotFoundError):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


@contextmanager
def _try_lock(folder: Path, name: str) -> Iterator[bool]:
    """Holds the lock of an entry, if it has one; whether nobody else does."""
    path = folder / _LOCKS / f"{name}.lock"
    if not path.is_file():
        yield True
        return
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
