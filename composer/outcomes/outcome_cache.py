"""Outcomes on disk: a JSON file each, whose name is the hash of its question.

A file that is damaged, or foreign, is as good as none. Files are written whole, so that processes
that ask at the same time read one or none; who cannot write does without.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from composer.cache_folders import find_cache_folder
from composer.files import is_unfinished, write_text
from composer.json_documents import read_json_document

KIND = "contracts"
_FORM = 1
_LARGEST = 64 * 2**20  # bytes of one file
_MOST, _KEPT = 512, 256  # files


class Remembered(NamedTuple):
    """An outcome on disk.

    Attributes:
        answer: plain values.
        files: sha256 of further files that it depends on, by path.
    """

    answer: Any
    files: Mapping[str, str]


def make_key(question: Any) -> str:
    """The hash of a question.

    Args:
        question: plain values.
    """
    text = json.dumps(question, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def read_outcome(key: str) -> Remembered | None:
    """The outcome under a key; None if there is none that can be read."""
    try:
        found = read_json_document(_path_of(key), largest=_LARGEST)
        body = found["outcome"]
        if found["sha256"] != make_key(body) or body["form"] != _FORM or body["key"] != key:
            return None
        return Remembered(body["answer"], dict(body["files"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write_outcome(key: str, outcome: Remembered) -> None:
    """Writes an outcome, unless the folder cannot be written."""
    body = {"form": _FORM, "key": key, "answer": outcome.answer, "files": dict(outcome.files)}
    text = json.dumps({"sha256": make_key(body), "outcome": body})
    with contextlib.suppress(OSError):
        path = _path_of(key)
        write_text(path, text + "\n", follow_links=False)
        _remove_old(path.parent)


def _path_of(key: str) -> Path:
    return find_cache_folder(KIND) / f"{key}.json"


def _remove_old(folder: Path) -> None:
    """Removes the oldest files, once there are too many."""
    with os.scandir(folder) as entries:
        paths = [Path(each.path) for each in entries if each.name.endswith(".json")]
    if len(paths) <= _MOST:
        return
    dated = [(path.stat().st_mtime, path) for path in paths if not is_unfinished(path)]
    for _, path in sorted(dated)[: len(dated) - _KEPT]:
        path.unlink(missing_ok=True)
