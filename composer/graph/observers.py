"""Observers of the runs of a graph: each sees the runs of one thread, or those of all."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from composer.executor import Observer


class Observers:
    """The observers of a graph, which threads may add and remove while others run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: tuple[tuple[Observer, weakref.ref[threading.Thread] | None], ...] = ()
        self._silence = threading.local()

    def add(self, observer: Observer, *, every_thread: bool = False) -> None:
        """Adds an observer of the runs of this thread.

        Args:
            observer: the observer.
            every_thread: whether it sees the runs of all threads.
        """
        thread = None if every_thread else weakref.ref(threading.current_thread())
        with self._lock:
            self._entries = (*self._entries, (observer, thread))

    def remove(self, observer: Observer) -> None:
        """Removes an observer; one that is not there is passed over."""
        with self._lock:
            self._entries = tuple([each for each in self._entries if each[0] is not observer])

    def current(self) -> tuple[Observer, ...]:
        """The observers of the runs of this thread."""
        if not self._entries or getattr(self._silence, "is_kept", False):
            return ()
        here = threading.current_thread()
        return tuple([o for o, thread in self._entries if thread is None or thread() is here])

    @contextmanager
    def silenced(self) -> Iterator[None]:
        """Lets no observer see the runs of this thread while the `with` block runs."""
        before = getattr(self._silence, "is_kept", False)
        self._silence.is_kept = True
        try:
            yield
        finally:
            self._silence.is_kept = before

    def unwatched(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The function, whose own runs of the graph no observer sees.

        Args:
            function: an edit, which may run a reference set.
        """
        if not self._entries or torch.compiler.is_compiling():
            return function

        def call(value: Any) -> Any:
            with self.silenced():
                return function(value)

        return call

    def watched(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of some nodes that an observer of this thread asks to see, one by one.

        Args:
            paths: the nodes.
        """
        asking = [o.watches for o in self.current() if hasattr(o, "watches")]
        return tuple([p for p in paths if any(ask(p) for ask in asking)]) if asking else ()

    def __getstate__(self) -> dict[str, object]:
        return {}  # a copy of a graph has no hooks

    def __setstate__(self, state: object) -> None:
        self.__init__()  # type: ignore[misc]
