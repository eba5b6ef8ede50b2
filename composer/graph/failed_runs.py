"""Runs that fail leave a session: what was computed, from which the fixed graph continues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from composer.blueprint import Slot
from composer.errors import ExecutionError
from composer.graph.edits import Edits
from composer.graph.kept_runs import Keeping
from composer.language import Mode

if TYPE_CHECKING:
    from composer.graph.execution import Execution
    from composer.graph.session import Session


class RunState(NamedTuple):
    """A run as far as it came.

    Attributes:
        execution: runs plans of the graph.
        mode: the mode.
        inputs: the graph's inputs by name.
        seed: the seed; None if nothing draws.
        values: the values that are there, by slot.
        fed: those that were fed.
        edits: the edits that hold.
        keeping: where values are kept on disk, if they are.
    """

    execution: Execution
    mode: Mode
    inputs: Mapping[str, Any]
    seed: int | None
    values: Mapping[Slot, Any]
    fed: Mapping[Slot, Any]
    edits: Edits
    keeping: Keeping | None


@contextmanager
def session_on_failure(state: RunState) -> Iterator[None]:
    """Gives an error of a node the session of the run, if it has none yet.

    Args:
        state: the run, whose values are filled in meanwhile.
    """
    try:
        yield
    except ExecutionError as error:
        if error.session is None:
            error.session = resume(state)
        raise


def resume(state: RunState) -> Session:
    """The session of a run that did not come to its end, which continues from there."""
    from composer.graph.session import Session  # which runs plans itself

    session = Session(state.execution, state.mode, None, state.seed)
    session._inputs, session._keeping = dict(state.inputs), state.keeping
    held = session._held
    held.values.update({**state.fed, **state.values})  # a feed may have been released
    held.overrides.update(state.fed)
    held.edits = held.without_overrides(state.edits)
    around = state.execution.editing.current(state.mode)
    for slot, edits in held.edits.items():
        for edit in edits:
            if edit not in around.get(slot, ()):
                own = session._own_edits.get(edit.place, ())
                session._own_edits[edit.place] = (*own, edit)
    if session._keeping is not None:
        session._keeping.stamp(held.values)
    return session
