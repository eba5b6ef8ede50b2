"""Recalls the outcome of a command, or finds it and remembers it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from composer.outcomes.opened_files import is_installed, list_other_modules, watched_files
from composer.outcomes.outcome_cache import Remembered, make_key, read_outcome, write_outcome
from composer.outcomes.source_hashes import hash_sources


class Outcome(NamedTuple):
    """What was found.

    Attributes:
        answer: plain values, as JSON has them.
        is_lasting: whether it depends on nothing but the question and the installed code.
    """

    answer: Any
    is_lasting: bool = True


def recall_or_find(question: Any, find: Callable[[], Outcome]) -> Any:
    """The answer to a question: the remembered one, if nothing has changed that it depends on.

    It depends on the question, the source files of plugins and of this distribution, the versions
    of all distributions, and on files of modules outside of them. What `find` raises is passed on,
    and not remembered; nor is the answer if `find` read any other file.

    Args:
        question: plain values, all that the answer depends on besides the installed code.
        find: finds the answer.
    """
    try:
        sources = hash_sources()
        key = make_key([sources.digest, question])
    except (OSError, TypeError, ValueError):
        return find().answer
    known = read_outcome(key)
    if known is not None and _are_unchanged(known.files):
        return known.answer
    with watched_files() as opened:
        outcome = find()
    if not outcome.is_lasting or not sources.is_settled:
        return outcome.answer
    try:
        others = {path: _hash_file(path) for path in list_other_modules(sources.folders)}
        has_read = any(not is_installed(path, sources.folders) for path in opened.paths)
        # Plugins may set variables of the environment while they are imported.
        if not has_read and hash_sources().code == sources.code:
            write_outcome(key, Remembered(outcome.answer, others))
    except OSError:
        pass
    return outcome.answer


def _are_unchanged(files: Mapping[str, str]) -> bool:
    try:
        return all(_hash_file(path) == known for path, known in files.items())
    except (OSError, ValueError):
        return False


def _hash_file(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
