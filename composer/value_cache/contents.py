"""The contents of a folder of kept values, and their removal."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from composer.errors import InputError
from composer.value_cache.cache import remove
from composer.value_cache.entries import read_note
from composer.value_cache.folder import KeptFile, is_cache, is_entry_name, list_files


class KeptContents(NamedTuple):
    """The contents of a cache of values.

    Attributes:
        folder: its folder.
        num_entries: kept values.
        size: bytes of all files.
    """

    folder: Path
    num_entries: int
    size: int


class KeptNode(NamedTuple):
    """The kept values of one node of any number of runs.

    Attributes:
        node: its path, and its port if that has a name; empty for files that cannot be read.
        type: its node type.
        num_entries: values.
        size: bytes.
        used: when one was read or written last, in local time.
    """

    node: str
    type: str
    num_entries: int
    size: int
    used: str


def list_values(folder: str | os.PathLike[str]) -> list[KeptNode]:
    """The values in a cache by node, the largest first.

    Raises:
        InputError: there is no cache of values.
    """
    groups: dict[tuple[str, str], list[KeptFile]] = {}
    for file in list_files(_require(folder)):
        if is_entry_name(file.path.name):
            note = read_note(file.path)
            port = note.get("port", "output")
            name = f"{note.get('node', '')}{'' if port == 'output' else f'.{port}'}"
            groups.setdefault((name, note.get("type", "")), []).append(file)
    found = []
    for (name, kind), files in groups.items():
        latest = time.localtime(max(file.used for file in files))
        used = time.strftime("%Y-%m-%d %H:%M", latest)
        found.append(KeptNode(name, kind, len(files), sum(f.size for f in files), used))
    return sorted(found, key=lambda node: (-node.size, node.node))


def measure_values(folder: str | os.PathLike[str]) -> KeptContents:
    """Counts the values in a cache.

    Raises:
        InputError: there is no cache of values.
    """
    files = list(list_files(_require(folder)))
    entries = [file for file in files if is_entry_name(file.path.name)]
    return KeptContents(Path(folder), len(entries), sum(file.size for file in files))


def clear_values(folder: str | os.PathLike[str]) -> KeptContents:
    """Removes the values in a cache, whatever other processes do; the ones that were removed.

    Raises:
        InputError: there is no cache of values.
    """
    removed = [file for file in list_files(_require(folder)) if remove(file)]
    entries = [file for file in removed if is_entry_name(file.path.name)]
    return KeptContents(Path(folder), len(entries), sum(file.size for file in removed))


def _require(folder: str | os.PathLike[str]) -> Path:
    path = Path(folder)
    if not is_cache(path):
        kind = "this is no folder of kept values" if path.exists() else "there is no such folder"
        raise InputError(f"{path}: {kind}")
    return path
