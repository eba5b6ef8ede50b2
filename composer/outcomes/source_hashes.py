"""Hashes of what is installed: the source files of plugins, and the names of all distributions.

An outcome depends on the code that gave it. All files of the packages that publish anything are
read and hashed, those of this distribution among them, so that an editable install and a plugin
under development are never stale; the content decides, not the time of the last change. Of other
distributions count the name and version, and the time at which they were installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from composer.discovery import GROUPS, discover, find_owners, find_package_folders

_IMPORTED_AT = time.time()
_MARGIN = 10.0  # seconds: modules may have been imported before this one
_LARGE = 2**20  # bytes; larger files are data, whose time and size suffice
_METADATA = (".dist-info", ".egg-info", ".egg-link")
_VARIABLES = ("COMPOSER_", "TORCH", "PYTORCH", "HF_", "ATEN_", "PYTHON")


class SourceFile(NamedTuple):
    """A file of a package.

    Attributes:
        name: its path below the folder of the package.
        content: its content; of a large one, its size and times.
        changed: the time of its last change.
    """

    name: str
    content: bytes
    changed: float


class SourceHashes(NamedTuple):
    """The state of what is installed.

    Attributes:
        digest: equal for equal states.
        code: equal for equal source files.
        is_settled: whether no source file has changed since this process may have imported it.
        folders: the folders of packages whose files are part of the digest.
    """

    digest: str
    code: str
    is_settled: bool
    folders: tuple[str, ...]


def hash_sources() -> SourceHashes:
    """Hashes the state of what is installed.

    Raises:
        OSError: a source file cannot be read.
    """
    digest = hashlib.sha256()
    newest = 0.0
    folders: list[str] = []
    for package, owner in sorted(find_owners().items()):
        roots = _find_roots(package)
        folders += roots
        for root in roots:
            digest.update(f"{owner}\0{package}\0{root}\n".encode("utf-8", "surrogateescape"))
            for name, content, changed in _read_files(root):
                newest = max(newest, changed)
                digest.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
                digest.update(content)
    code = digest.hexdigest()
    for line in _describe_process():
        digest.update(f"{line}\n".encode("utf-8", "surrogateescape"))
    is_settled = newest < _IMPORTED_AT - _MARGIN
    return SourceHashes(digest.hexdigest(), code, is_settled, tuple(folders))


def list_package_files(package: str) -> Iterator[SourceFile]:
    """The files of a package, which is not imported.

    Args:
        package: a top-level package or module.

    Raises:
        OSError: a file cannot be read.
    """
    for root in _find_roots(package):
        for name, content, changed in _read_files(root):
            yield SourceFile(os.path.basename(root) if name == root else name, content, changed)


def _describe_process() -> Iterator[str]:
    """What else an outcome depends on: interpreter, variables, names of distributions."""
    for group in GROUPS:
        yield from map(repr, discover(group))
    yield f"{sys.version} {sys.platform} {sys.flags} {sys.warnoptions}"
    for name, value in sorted(os.environ.items()):
        if name.startswith(_VARIABLES) and name != "COMPOSER_CACHE":
            yield f"{name}={value}"
    for folder in sys.path:
        yield f"path {folder}"
        yield from _list_distributions(folder or ".")


def _list_distributions(folder: str) -> list[str]:
    """The distributions of a folder, by the names of their metadata and when they came."""
    try:
        with os.scandir(folder) as entries:
            found = [
                f"{each.name} {each.stat().st_mtime_ns}"
                for each in entries
                if each.name.endswith(_METADATA)
            ]
    except OSError:
        return []
    return sorted(found)


def _find_roots(package: str) -> list[str]:
    """The folders of a package, or the file of a single module. Nothing is imported."""
    if folders := find_package_folders(package):
        return sorted(str(folder) for folder in folders)
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return []
    return [found.origin] if found is not None and found.origin else []


def _read_files(root: str) -> Iterator[tuple[str, bytes, float]]:
    """Each file of a package: name, content, and the time of its last change.

    Time and size stand in for the content of a large file.
    """
    if not os.path.isdir(root):
        yield root, Path(root).read_bytes(), _time_of(os.stat(root))
        return
    pending, seen = [root], {os.path.realpath(root)}
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                if entry.is_dir():
                    real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
                    if entry.name != "__pycache__" and real not in seen:
                        seen.add(real)
                        pending.append(entry.path)
                elif entry.is_file():
                    state = entry.stat()
                    yield entry.path[len(root) :], _read(entry.path, state), _time_of(state)


def _read(path: str, state: os.stat_result) -> bytes:
    if state.st_size >= _LARGE:
        return f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}".encode()
    with open(path, "rb", buffering=0) as file:
        return file.read(_LARGE)


def _time_of(state: os.stat_result) -> float:
    # No tool sets the time of the last change of a file's state back, as some do with the other.
    return max(state.st_mtime, state.st_ctime)
