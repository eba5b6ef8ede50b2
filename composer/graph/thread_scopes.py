"""What holds for the runs of one graph in a thread or task while `with` blocks run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(eq=False)
class Scope(Generic[T]):
    """What one `with` block holds.

    Args:
        owner: for which graph, and which kind of thing.
        value: what it holds.
        is_open: whether the block still runs: tasks that began in it may outlive it.
    """

    owner: ThreadScopes[T]
    value: T
    is_open: bool = True


_scopes: ContextVar[tuple[Scope[Any], ...]] = ContextVar("graph_scopes", default=())


class ThreadScopes(Generic[T]):
    """The values that hold in a thread or task.

    Attributes:
        num_open: the number of `with` blocks that run, in all threads. Without any, a run looks
            for none in its thread, which torch.compile could not follow.
    """

    def __init__(self) -> None:
        self.num_open = 0
        self._lock = threading.Lock()

    def held(self) -> list[T]:
        """The values of this thread or task, those of outer blocks first."""
        if not self.num_open:
            return []
        return [scope.value for scope in _scopes.get() if scope.owner is self and scope.is_open]

    def enter(self, value: T) -> Scope[T]:
        """Lets a value hold here until `leave`.

        Args:
            value: the value.
        """
        scope = Scope(self, value)
        _scopes.set((*_scopes.get(), scope))
        self._count(1)
        return scope

    def leave(self, scope: Scope[T]) -> None:
        """Ends what `enter` began.

        Not by a token: a generator may end in another context than it began in.
        """
        scope.is_open = False
        _scopes.set(tuple([each for each in _scopes.get() if each is not scope]))
        self._count(-1)

    def find_innermost(self, scopes: list[Scope[T]]) -> Scope[T]:
        """The last of some scopes that holds here, else the last of them."""
        return ([scope for scope in _scopes.get() if scope in scopes] or scopes)[-1]

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """Lets none of the values hold in this thread or task while the `with` block runs."""
        before = _scopes.get()
        _scopes.set(tuple([scope for scope in before if scope.owner is not self]))
        try:
            yield
        finally:
            _scopes.set(before)

    def _count(self, change: int) -> None:
        with self._lock:
            self.num_open += change

    def __getstate__(self) -> dict[str, object]:
        return {}  # a copy of a graph holds nothing

    def __setstate__(self, state: object) -> None:
        self.__init__()  # type: ignore[misc]
