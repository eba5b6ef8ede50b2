"""A folder of results on a disk or in a store, where files appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from composer.errors import InputError
from composer.files import make_subfolder, put_in_place, write_bytes
from composer.stores import StorePath, describe_store_error, is_store_address, open_store

LOCKS = ".locks"
_WORK = ".part"
# Where a file is not seen before all of it has come.
_WHOLE = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl"}


class OutputFolder:
    """A folder of results. On a disk, a claim keeps other processes from the same shard.

    Args:
        address: a path, or an address that fsspec has: `s3://bucket/features`.

    Raises:
        InputError: the folder cannot be made, or the store's library is not installed.
    """

    def __init__(self, address: str | os.PathLike[str]) -> None:
        self.address = os.fspath(address).rstrip("/") or "/"
        self._local: Path | None = None
        self._store: StorePath | None = None
        if is_store_address(self.address):
            self._store = open_store(self.address)
            if self._store.scheme in ("file", "local"):
                self._local, self._store = Path(self._store.path), None
        else:
            self._local = Path(self.address)
        if self._local is not None:
            _make_folder(self._local)

    @property
    def local(self) -> Path | None:
        """The folder on a disk, or None."""
        return self._local

    @property
    def path(self) -> str:
        """The path in its file system."""
        return os.fspath(self._local) if self._local is not None else self._need_store().path

    @property
    def system(self) -> Any:
        """The file system of fsspec that it is in; None for a disk."""
        return None if self._local is not None else self._need_store().system

    def list_names(self) -> set[str]:
        """The names of the files in it.

        Raises:
            InputError: it cannot be listed.
        """
        if self._local is not None:
            return {entry.name for entry in os.scandir(self._local) if entry.is_file()}
        system, path, _ = self._need_store()
        system.invalidate_cache()
        try:
            return {str(name).rpartition("/")[2] for name in system.ls(path, detail=False)}
        except FileNotFoundError:
            return set()
        except Exception as error:
            raise self._describe(error) from error

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if there is none."""
        if self._local is not None:
            with suppress(FileNotFoundError):
                return (self._local / name).read_bytes()
            return None
        system, path, _ = self._need_store()
        try:
            content: bytes = system.cat_file(f"{path}/{name}")
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._describe(error) from error
        return content

    def write(self, name: str, content: bytes) -> None:
        """Writes a small file, whole or not at all.

        Raises:
            OSError, InputError: it cannot be written.
        """
        if self._local is not None:
            write_bytes(self._local / name, content, follow_links=False)
            return
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, name)
            write_bytes(file, content)
            self.publish(file)

    def publish(self, file: Path, folder: str = "") -> None:
        """Gives a finished file of `work_folder` its place here, under its own name.

        Args:
            file: the file.
            folder: the folder in this one where it goes.

        Raises:
            OSError, InputError: it cannot be written.
        """
        if self._local is not None:
            place = make_subfolder(self._local, folder) if folder else self._local
            put_in_place(file, place / file.name)
            return
        system, path, scheme = self._need_store()
        path = f"{path}/{folder}" if folder else path
        target = f"{path}/{file.name}"
        aside = target if scheme in _WHOLE else f"{path}/.{file.name}.{secrets.token_hex(8)}{_WORK}"
        try:
            system.makedirs(path, exist_ok=True)
            system.put_file(os.fspath(file), aside)
            if aside != target:
                system.mv(aside, target)
        except Exception as error:
            with suppress(Exception):
                if aside != target:
                    system.rm_file(aside)
            raise self._describe(error) from error

    @contextmanager
    def work_folder(self, name: str) -> Iterator[Path]:
        """A folder to write files in before they are published; what others left there goes.

        Args:
            name: of what is written, which this process has claimed.

        Raises:
            OSError: it cannot be made.
        """
        if self._local is None:
            with tempfile.TemporaryDirectory() as folder:
                yield Path(folder)
            return
        for left in self._local.glob(f".{name}.*{_WORK}"):
            shutil.rmtree(left, ignore_errors=True)
        work = self._local / f".{name}.{secrets.token_hex(8)}{_WORK}"
        work.mkdir()
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    @contextmanager
    def claimed(self, name: str, *, waits: bool = False) -> Iterator[bool]:
        """Claims a name; a process that ends in any way, even killed, gives it up.

        In a store nothing can be claimed: two processes may then do the same work, and publish the
        same file.

        Args:
            name: what is claimed.
            waits: whether to wait for another process.

        Yields:
            Whether this process has it.
        """
        if self._local is None:
            yield True
            return
        from filelock import FileLock, Timeout

        locks = self._local / LOCKS
        locks.mkdir(exist_ok=True)
        lock = FileLock(locks / f"{name}.lock", timeout=-1 if waits else 0)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        except NotImplementedError:  # a file system without locks
            yield True
            return
        try:
            yield True
        finally:
            lock.release()

    def _need_store(self) -> StorePath:
        assert self._store is not None
        return self._store

    def _describe(self, error: Exception) -> InputError:
        return InputError(f"{self.address}: {describe_store_error(error)}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "a file" if folder.is_file() else error.strerror
        raise InputError(f"{folder} cannot be the folder of results: {reason}") from error
