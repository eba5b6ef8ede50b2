"""The cache of downloads: a folder for each address, with the file under its own name.

A record beside the folders holds what was fetched, and outlives the file: if the same address
brings another content later, that is noticed.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from composer.cache_folders import find_cache_folder
from composer.downloads.addresses import Address
from composer.errors import DownloadError
from composer.files import write_json
from composer.json_documents import read_json_document

KIND = "downloads"
_RECORDS, _LOCKS = ".records", ".locks"
_CHUNK = 2**20
_WAIT = 0.5  # seconds, after which another process is said to be waited for


@dataclass(frozen=True)
class Record:
    """What is noted of a file in the cache.

    Attributes:
        address: where it is from, without secrets.
        file: its path below the cache.
        sha256: of its content.
        size: in bytes.
        etag: as the server gave it; empty if it gave none, or the file was put there by hand.
        date: when it came, in UTC.
    """

    address: str
    file: str
    sha256: str
    size: int
    etag: str = ""
    date: str = ""


@dataclass(frozen=True)
class CachedFile:
    """A file in the cache.

    Attributes:
        path: the file.
        record: what is noted of it.
    """

    path: Path
    record: Record


class CachePlace:
    """The place of one address in the cache.

    Args:
        address: the address.
    """

    def __init__(self, address: Address) -> None:
        self.root = find_cache_folder(KIND)
        self.folder = self.root / address.folder_name
        self.path = self.folder / address.file_name
        self._record = self.root / _RECORDS / f"{address.folder_name}.json"
        self._lock = self.root / _LOCKS / f"{address.folder_name}.lock"
        self._address = address

    def read_record(self) -> Record | None:
        """What was noted of the file, be it there or not."""
        return _read_record(self._record)

    def write_record(self, sha256: str, size: int, etag: str = "") -> Record:
        """Notes what a file is.

        Raises:
            OSError: it cannot be written.
        """
        date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        file = self.path.relative_to(self.root).as_posix()
        record = Record(self._address.shown, file, sha256, size, etag, date)
        write_json(self._record, asdict(record), indent=2)
        return record

    def find(self) -> CachedFile | None:
        """The file, if it is there; one that was put there by hand is noted.

        Raises:
            DownloadError: it is not what was fetched any more.
        """
        if not self.path.is_file():
            return None
        size = self.path.stat().st_size
        record = self.read_record()
        if record is None:
            sha256 = hash_file(self.path)
            record = Record(self._address.shown, self.path.name, sha256, size)
            with suppress(OSError):  # a cache that is only read
                record = self.write_record(sha256, size)
        elif record.size != size:
            raise DownloadError(
                f"{self.path}: the file has {size} bytes, and had {record.size} when it came from "
                f"{self._address.shown}; remove it to have it fetched again"
            )
        return CachedFile(self.path, record)

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Lets one process at a time work on the file.

        Yields:
            Whether another process had to be waited for.

        Raises:
            OSError: the cache cannot be written.
        """
        from filelock import FileLock, Timeout

        self._lock.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._lock)
        has_waited = False
        try:
            lock.acquire(timeout=_WAIT)
        except Timeout:
            has_waited = True
            lock.acquire()
        try:
            yield has_waited
        finally:
            lock.release()


def list_cached() -> list[CachedFile]:
    """The files that are in the cache, by address."""
    root = find_cache_folder(KIND)
    found = []
    for path in sorted((root / _RECORDS).glob("*.json")):
        record = _read_record(path)
        if record is not None and (file := _locate(root, path.stem)) is not None:
            found.append(CachedFile(file, record))
    return sorted(found, key=lambda each: each.record.address)


def remove_cached(cached: CachedFile) -> None:
    """Removes a file from the cache, with what was fetched of it later; its record stays.

    Raises:
        OSError: it cannot be removed.
    """
    shutil.rmtree(cached.path.parent)


def hash_file(path: Path) -> str:
    """The sha256 of a file.

    Raises:
        OSError: it cannot be read.
    """
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _locate(root: Path, folder_name: str) -> Path | None:
    """The file in the folder of a record, whatever the record says."""
    folder = root / folder_name
    files = (path for path in folder.iterdir()) if folder.is_dir() else ()
    return next((path for path in sorted(files) if not path.name.startswith(".")), None)


def _read_record(path: Path) -> Record | None:
    try:
        found: Any = read_json_document(path)
        values = {field.name: found[field.name] for field in fields(Record)}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    texts = (values[name] for name in ("address", "file", "sha256", "etag", "date"))
    if not isinstance(values["size"], int) or not all(isinstance(text, str) for text in texts):
        return None
    return Record(**values)
