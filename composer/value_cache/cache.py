"""A folder of kept values, for any number of processes at once.

Each entry is one file that appears whole under its name, so that a reader finds it or not. Nobody
waits: to remove the least recently used entries, a process takes a lock if it is free. Whoever is
killed leaves at most an unfinished file, which counts as part of the folder until it is removed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout
from safetensors import SafetensorError

from composer.errors import InputError
from composer.value_cache.entries import describe_entry, read_entry, write_entry
from composer.value_cache.folder import (
    LOCK,
    UNFINISHED,
    KeptFile,
    is_entry_name,
    list_files,
    mark_folder,
    path_of,
)

DEFAULT_LIMIT = 10 * 2**30
_FULL = 0.9  # of the limit, down to which entries are removed
_UNSEEN = 16  # of the limit, the part that is written before the folder is looked at again

_LOGGER = logging.getLogger(__name__)


class CacheUse(NamedTuple):
    """What a process did with a cache.

    Attributes:
        num_read: values that were read.
        num_written: values that were written.
        bytes_read: bytes of those that were read.
        bytes_written: bytes of those that were written.
    """

    num_read: int = 0
    num_written: int = 0
    bytes_read: int = 0
    bytes_written: int = 0


class ValueCache:
    """Values on disk by key; see `Graph.run`.

    Args:
        folder: the folder. It is made when the first value is kept.
        limit: bytes that the files in it may take; beyond, the least recently used ones go.

    Attributes:
        use: what was read and written so far.

    Raises:
        InputError: the folder is a file, or one that others use, or the limit is not positive.
    """

    def __init__(self, folder: str | os.PathLike[str], limit: int = DEFAULT_LIMIT) -> None:
        if limit <= 0:
            raise InputError(f"the limit of a cache is a positive number of bytes, not {limit}")
        self.folder, self.limit = Path(folder).absolute(), limit
        self.use = CacheUse()
        self._size: int | None = None  # of the folder, as far as is known
        self._unseen = 0  # bytes that were written since it was looked at
        self._is_writable = True
        mark_folder(self.folder, is_made=False)

    def find(self, key: str) -> tuple[Any] | None:
        """The value of a key, as the only item of a tuple; None if there is none.

        A file that is damaged is removed.
        """
        path = path_of(self.folder, key)
        if not path.is_file():
            return None
        found = read_entry(path, key)
        with contextlib.suppress(OSError):
            if found is None:
                path.unlink(missing_ok=True)
                return None
            size = path.stat().st_size
            os.utime(path)
            self.use = self.use._replace(
                num_read=self.use.num_read + 1, bytes_read=self.use.bytes_read + size
            )
        return found

    def __contains__(self, key: str) -> bool:
        """Whether there is a file for a key, which may yet turn out to be damaged."""
        return path_of(self.folder, key).is_file()

    def keep(self, key: str, value: Any, note: Mapping[str, str] | None = None) -> bool:
        """Keeps a value, unless it would not come back as it is, or takes more than the limit.

        Where the folder cannot be written to, a remark is logged, once.

        Args:
            key: its key.
            value: the value.
            note: what else the file says, for people: the node, for instance.

        Returns:
            Whether it is kept.
        """
        if not self._is_writable:
            return False
        path = path_of(self.folder, key)
        if path.is_file():
            return True
        entry = describe_entry(key, value, note or {})
        if entry is None or entry.size > self.limit:
            return False
        unfinished = path.with_name(f".{path.stem}.{secrets.token_hex(6)}{UNFINISHED}")
        try:
            mark_folder(self.folder, is_made=True)
            path.parent.mkdir(exist_ok=True)
            try:
                write_entry(unfinished, entry)
                os.replace(unfinished, path)
            finally:
                unfinished.unlink(missing_ok=True)
            self._note_written(path.stat().st_size)
        except FileNotFoundError:  # the cache is being cleared
            return False
        except (OSError, SafetensorError, InputError) as error:
            self._is_writable = False
            reason = getattr(error, "strerror", None) or str(error)
            _LOGGER.warning("note: values are not kept in %s: %.200s", self.folder, reason)
            return False
        return True

    def _note_written(self, size: int) -> None:
        self.use = self.use._replace(
            num_written=self.use.num_written + 1, bytes_written=self.use.bytes_written + size
        )
        self._unseen += size
        if self._size is None or self._unseen > self.limit // _UNSEEN:
            self._size, self._unseen = sum(f.size for f in list_files(self.folder)), 0
        else:
            self._size += size
        if self._size > self.limit:
            self._make_room()

    def _make_room(self) -> None:
        """Removes the least recently used entries, unless another process is at it."""
        with self._held_lock() as has_lock:
            if not has_lock:
                return
            files = sorted(list_files(self.folder), key=lambda file: file.used)
            size = sum(file.size for file in files)
            wanted = int(self.limit * _FULL)
            for file in files if size > self.limit else ():
                if size <= wanted:
                    break
                if remove(file):
                    size -= file.size
            self._size, self._unseen = size, 0

    @contextlib.contextmanager
    def _held_lock(self) -> Iterator[bool]:
        lock = FileLock(self.folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


def remove(file: KeptFile) -> bool:
    """Removes a file of a cache: an entry, or an unfinished one that nobody writes any more."""
    if not is_entry_name(file.path.name) and not file.is_abandoned:
        return False
    try:
        file.path.unlink(missing_ok=True)
    except OSError:  # Windows keeps what is open
        return False
    return True


CacheFolder = str | os.PathLike[str] | ValueCache


def open_cache(cache: CacheFolder) -> ValueCache:
    """The cache in a folder, one for each folder in this process; or a cache as it is.

    Raises:
        InputError: it is no folder, or one that others use.
    """
    if isinstance(cache, ValueCache):
        return cache
    if not isinstance(cache, (str, os.PathLike)):
        raise InputError(f"a cache is a folder, not {type(cache).__name__}")
    if not os.fspath(cache):
        raise InputError("a cache is a folder, and its name is empty")
    return _open(os.path.abspath(cache))


@lru_cache(maxsize=32)
def _open(folder: str) -> ValueCache:
    return ValueCache(folder)
