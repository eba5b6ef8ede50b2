"""Hooks before and after nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from composer.blueprint import Step
from composer.errors import ExecutionError, InputError
from composer.escapes import describe_error
from composer.graph.observers import Observers

NodeHook = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True, eq=False)  # two hooks may be alike; each is itself
class HookObserver:
    """Calls one function at one moment of some nodes.

    Args:
        function: gets the node's path, and its inputs or outputs by port.
        moment: before or after the node runs.
        path: path of a node or nested graph; empty for all nodes.
        as_one: whether a set of nodes that an engine runs counts as one.

    Raises:
        InputError: if there is no such moment.
    """

    function: NodeHook
    moment: Literal["before", "after"]
    path: str
    as_one: bool = False

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InputError(f"a hook is a function, not {type(self.function).__name__}")
        if self.moment not in ("before", "after"):
            raise InputError(f"a hook is called 'before' or 'after' a node, not '{self.moment}'")

    def before(self, step: Step, arguments: Mapping[str, Any]) -> None:
        """Calls hooks of the moment `before`.

        Raises:
            ExecutionError: if the hook fails.
        """
        if self.moment == "before":
            self._call(step.node.path, arguments)

    def after(self, step: Step, outputs: Mapping[str, Any]) -> None:
        """Calls hooks of the moment `after`.

        Raises:
            ExecutionError: if the hook fails.
        """
        if self.moment == "after":
            self._call(step.node.path, outputs)

    def watches(self, path: str) -> bool:
        """Whether it asks for a node to run by itself."""
        return not self.as_one and self._covers(path)

    def _covers(self, path: str) -> bool:
        return not self.path or path == self.path or path.startswith(f"{self.path}.")

    def _call(self, path: str, values: Mapping[str, Any]) -> None:
        if not self._covers(path):
            return
        try:
            self.function(path, dict(values))
        except Exception as error:
            reason = describe_error(error)
            message = f"a hook {self.moment} node '{path}' failed: {reason}"
            raise ExecutionError(path, message) from error


class HookHandle:
    """Adds a hook to those who watch, and takes it away again; also as a context manager."""

    def __init__(
        self, observers: Observers, observer: HookObserver, *, every_thread: bool = False
    ) -> None:
        self._observers, self._observer = observers, observer
        observers.add(observer, every_thread=every_thread)

    def remove(self) -> None:
        """Takes the hook away; a second time does nothing."""
        self._observers.remove(self._observer)

    def __enter__(self) -> HookHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()
