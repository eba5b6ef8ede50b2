"""Compiled sets of nodes on disk: a folder an entry, whole or not there, never pickled.

An entry that is damaged, or was written by half, is as good as none.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from filelock import FileLock

from composer.cache_folders import find_cache_folder
from composer.files import folder_written_whole, write_json
from composer.json_documents import read_json_document

KIND = "compiled"

_MANIFEST = "entry.json"
_CHUNK = 2**20
_LOGGER = logging.getLogger(__name__)


class CompiledCache:
    """Compiled sets of nodes by key.

    Args:
        is_kept: whether entries are looked for and kept on disk; else they last as long as this.
    """

    def __init__(self, *, is_kept: bool = True) -> None:
        self.is_kept = is_kept

    def find(self, key: str) -> Path | None:
        """The folder of an entry whose files are as they were written; None if there is none."""
        if not self.is_kept:
            return None
        folder = find_cache_folder(KIND) / key
        if not folder.is_dir() or _is_whole(folder):
            return folder if folder.is_dir() else None
        with _lock(folder):
            shutil.rmtree(folder, ignore_errors=True)
        return None

    @contextmanager
    def written(self, key: str, description: Mapping[str, Any]) -> Iterator[list[Path]]:
        """Makes an entry of the files that are written in the body of the `with` statement.

        Args:
            key: its key.
            description: what it was compiled from, for people.

        Yields:
            A list with the folder to write to; after the body, with the folder to read from.
        """
        place: list[Path] = []
        if self.is_kept:
            target = find_cache_folder(KIND) / key
            try:
                with _lock(target), folder_written_whole(target) as folder:
                    place.append(folder)
                    yield place
                    write_json(folder / _MANIFEST, {**description, "files": _digest_all(folder)})
                place[0] = target
                return
            except OSError as error:
                if target.is_dir():  # another process was faster
                    place[:] = [target]
                    return
                if place:
                    raise
                _LOGGER.warning("note: compiled nodes are not kept on disk: %s", error)
        temporary = mkdtemp(prefix="composer-compiled-")
        weakref.finalize(self, shutil.rmtree, temporary, ignore_errors=True)
        place.append(Path(temporary))
        yield place


def _lock(entry: Path) -> FileLock:
    """The lock of an entry, which whoever clears the cache holds too."""
    folder = entry.parent / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{entry.name}.lock")


def _is_whole(folder: Path) -> bool:
    """Whether the files of an entry are those that its manifest lists, byte for byte."""
    try:
        manifest = read_json_document(folder / _MANIFEST)
        files = manifest["files"]
        return bool(files) and files == _digest_all(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _digest_all(folder: Path) -> dict[str, str]:
    """Hashes of the files in a folder and below, by path, without the manifest."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: _digest(path) for name, path in named.items() if name != _MANIFEST}


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
