"""Edits that hold for every run of a graph while a `with` block runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch

from composer.errors import InputError
from composer.graph.edits import NO_EDITS, Edits, join_edits
from composer.language import Mode


@dataclass(eq=False)
class _Scope:
    """The edits of one `with` block.

    Args:
        editing: the edits of the graph.
        edits: its edits by mode.
        is_open: whether the block still runs: tasks that began in it may outlive it.
    """

    editing: Editing
    edits: Mapping[Mode, Edits]
    is_open: bool = True


_scopes: ContextVar[tuple[_Scope, ...]] = ContextVar("edit_scopes", default=())


class Editing:
    """The edits that hold for the runs of one graph in a thread or task.

    Attributes:
        num_open: the number of `with` blocks that run, in all threads. Without any, a run looks
            for none in its thread, which torch.compile could not follow.
    """

    def __init__(self) -> None:
        self.num_open = 0
        self._lock = threading.Lock()

    def current(self, mode: Mode) -> Edits:
        """The edits of this thread or task in a mode, those of outer blocks first."""
        edits = NO_EDITS
        if self.num_open:
            for scope in _scopes.get():
                if scope.editing is self and scope.is_open:
                    edits = join_edits(edits, scope.edits.get(mode, NO_EDITS))
        return edits

    def holding(self, edits: Mapping[Mode, Edits]) -> EditBlock:
        """Lets edits hold in this thread or task while a `with` block runs.

        Args:
            edits: by mode.
        """
        return EditBlock(self, edits)

    def refuse(self, reason: str) -> None:
        """Makes sure that no edits hold in this thread or task.

        Args:
            reason: why there must be none.

        Raises:
            InputError: if some do.
        """
        if any(scope.editing is self and scope.is_open for scope in _scopes.get()):
            raise InputError(f"edits hold here, and {reason}: leave the block of `editing` first")

    def pausing(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The function, in whose runs of the same graph no edits hold.

        Args:
            function: an edit; one that ran the graph edited would call itself.
        """
        if not self.num_open or torch.compiler.is_compiling():  # which changes no contexts
            return function

        def call(value: Any) -> Any:
            before = _scopes.set(tuple([s for s in _scopes.get() if s.editing is not self]))
            try:
                return function(value)
            finally:
                _scopes.reset(before)

        return call

    def count(self, change: int) -> None:
        """Counts blocks that begin and end."""
        with self._lock:
            self.num_open += change

    def __getstate__(self) -> dict[str, object]:
        return {}  # a copy of a graph has no edits

    def __setstate__(self, state: object) -> None:
        self.__init__()  # type: ignore[misc]


class EditBlock:
    """Edits that hold while a `with` block runs. It can be used again, and in several threads.

    Args:
        editing: the edits of the graph.
        edits: by mode.
    """

    def __init__(self, editing: Editing, edits: Mapping[Mode, Edits]) -> None:
        self._editing, self._edits = editing, edits
        self._open: list[_Scope] = []

    def __enter__(self) -> None:
        scope = _Scope(self._editing, self._edits)
        self._open.append(scope)
        _scopes.set((*_scopes.get(), scope))
        self._editing.count(1)

    def __exit__(self, *_: object) -> None:
        # Not by a token: a generator may end in another context than it began in.
        here = [scope for scope in _scopes.get() if scope in self._open] or self._open
        scope = here[-1]
        scope.is_open = False
        self._open.remove(scope)
        _scopes.set(tuple([each for each in _scopes.get() if each is not scope]))
        self._editing.count(-1)
