"""Edits that hold for every run of a graph while a `with` block runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from composer.errors import InputError
from composer.graph.edits import NO_EDITS, Edits, join_edits
from composer.graph.thread_scopes import Scope, ThreadScopes
from composer.language import Mode


class Editing(ThreadScopes[Mapping[Mode, Edits]]):
    """The edits, by mode, that hold for the runs of one graph in a thread or task."""

    def current(self, mode: Mode) -> Edits:
        """The edits of this thread or task in a mode, those of outer blocks first."""
        edits = NO_EDITS
        if self.num_open:
            for each in self.held():
                edits = join_edits(edits, each.get(mode, NO_EDITS))
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
        if self.held():
            raise InputError(f"edits hold here, and {reason}: leave the block of `editing` first")

    def unedited(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The function, in whose runs of the same graph no edits hold.

        Args:
            function: an edit; one that ran the graph edited would call itself.
        """
        if not self.num_open or torch.compiler.is_compiling():  # which changes no contexts
            return function

        def call(value: Any) -> Any:
            with self.pausing():
                return function(value)

        return call


class EditBlock:
    """Edits that hold while a `with` block runs. It can be used again, and in several threads.

    Args:
        editing: the edits of the graph.
        edits: by mode.
    """

    def __init__(self, editing: Editing, edits: Mapping[Mode, Edits]) -> None:
        self._editing, self._edits = editing, edits
        self._open: list[Scope[Mapping[Mode, Edits]]] = []

    def __enter__(self) -> None:
        self._open.append(self._editing.enter(self._edits))

    def __exit__(self, *_: object) -> None:
        scope = self._editing.find_innermost(self._open)
        self._open.remove(scope)
        self._editing.leave(scope)
