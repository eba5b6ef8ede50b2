"""Sweeps: an edit at each of many places, and what it does to a score."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor

from composer.blueprint import Names, listed
from composer.errors import ComposerError, InputError
from composer.escapes import describe_error
from composer.graph import GivenEdit, Session
from composer.inside.edits import zero
from composer.inside.sweep_table import Sweep, SweepRow
from composer.worker_death import is_worker_death

Score = str | Callable[[Session], Any]


def sweep(
    session: Session,
    score: Score,
    at: str | Iterable[str],
    edits: GivenEdit | Mapping[Any, GivenEdit] = zero,
    *,
    on_row: Callable[[SweepRow], None] | None = None,
) -> Sweep:
    """Edits a value at each of many places, one at a time, and measures a score.

    What is above a place is taken from the session, which keeps its values; only what is below is
    computed again for each edit. An edit that fails, or after which the score does not exist, is a
    row with the reason. No gradients are recorded.

    Args:
        session: a run; its own edits and replacements hold in each row, and stay as they are.
        score: a number by its name (`detections.scores[0][3]`, `masks[0][2].mean()`), or a
            function of the edited session that gives one.
        at: names of the places: nodes, ports, inputs, maps (`backbone.p3`).
        edits: an edit, or several by names of your own, each as for `Graph.run`.
        on_row: gets each row as it is finished.

    Returns:
        A row for each place and edit.

    Raises:
        NameResolutionError: the name of a place or of the score means nothing, or several things.
        InputError: something cannot be edited, or the score is no number without edits.
        ExecutionError: a node fails without edits.
    """
    if not isinstance(session, Session):
        raise InputError(
            f"a sweep is over a session, `graph.session(inputs)`, not {type(session).__name__}"
        )
    places = list(dict.fromkeys(listed(cast("Names", at))))
    named = dict(edits) if isinstance(edits, Mapping) else {"": edits}
    if not places or not named:
        raise InputError("a sweep has one place and one edit at least")
    maps: set[str] = set()
    for place in places:  # every name, before the first run
        for edit in named.values():
            if session.fork().edit(place, edit).place.member:
                maps.add(place)
    rows: list[SweepRow] = []
    with torch.no_grad():
        before = _measure(session, score)
        for place in maps:  # those that there are, such as `backbone.p3`, are known from values
            session.read(place)
        for place in places:
            for name, edit in named.items():
                rows.append(_run(session, score, before, place, str(name), edit))
                if on_row is not None:
                    on_row(rows[-1])
    return Sweep(_describe(score), before, tuple(rows))


def _run(
    session: Session, score: Score, before: float, place: str, name: str, edit: GivenEdit
) -> SweepRow:
    start = time.perf_counter()
    fork = session.fork()
    fork.edit(place, edit)
    try:
        found = _measure(fork, score)
    except ComposerError as failure:
        return SweepRow(place, name, None, None, time.perf_counter() - start, str(failure))
    return SweepRow(place, name, found, found - before, time.perf_counter() - start)


def _measure(session: Session, score: Score) -> float:
    """The score as a number.

    Raises:
        InputError: it is none.
    """
    found = session.read(score) if isinstance(score, str) else _call(score, session)
    if isinstance(found, Tensor) and found.numel() == 1:
        found = found.item()
    if not isinstance(found, (int, float)):
        kind = describe_kind(found)
        raise InputError(f"the score '{_describe(score)}' is {kind}, not one number")
    if not math.isfinite(found):
        raise InputError(f"the score '{_describe(score)}' is {found}")
    return float(found)


def _call(score: Callable[[Session], Any], session: Session) -> Any:
    """What a user's function makes of a session.

    Raises:
        InputError: it fails.
    """
    try:
        return score(session)
    except ComposerError:
        raise
    except Exception as error:
        if is_worker_death(error):  # which a signal reports in the middle of anything
            raise
        reason = describe_error(error)
        raise InputError(f"the score '{_describe(score)}' failed: {reason}") from error


def describe_kind(value: Any) -> str:
    """What a value is that is no number: the form of a tensor, or a type."""
    if isinstance(value, Tensor):
        return f"a tensor of {'x'.join(map(str, value.shape)) or 'one number'}"
    return type(value).__name__


def _describe(score: Score) -> str:
    return score if isinstance(score, str) else getattr(score, "__name__", "score")
