"""The folder in which a graph keeps values while a `with` block runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch

from composer.errors import InputError
from composer.value_cache import ValueCache


@dataclass(eq=False)
class _Scope:
    """The cache of one `with` block.

    Args:
        owner: of which graph.
        cache: the cache.
        is_open: whether the block still runs: tasks that began in it may outlive it.
    """

    owner: HeldCache
    cache: ValueCache
    is_open: bool = True


_scopes: ContextVar[tuple[_Scope, ...]] = ContextVar("cache_scopes", default=())


class HeldCache:
    """The cache that holds for the runs of one graph in a thread or task.

    Attributes:
        num_open: the number of `with` blocks that run, in all threads. Without any, a run looks
            for none in its thread, which torch.compile could not follow.
    """

    def __init__(self) -> None:
        self.num_open = 0
        self._lock = threading.Lock()

    def current(self) -> ValueCache | None:
        """The cache of this thread or task, of the innermost block."""
        if not self.num_open or torch.compiler.is_compiling():
            return None
        own = [scope.cache for scope in _scopes.get() if scope.owner is self and scope.is_open]
        return own[-1] if own else None

    @contextmanager
    def holding(self, cache: ValueCache) -> Iterator[ValueCache]:
        """Lets a cache hold in this thread or task while the `with` block runs."""
        scope = _Scope(self, cache)
        self._count(1)
        _scopes.set((*_scopes.get(), scope))
        try:
            yield cache
        finally:  # not by a token: a generator may end in another context than it began in
            scope.is_open = False
            _scopes.set(tuple([each for each in _scopes.get() if each is not scope]))
            self._count(-1)

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """Lets no cache hold in this thread or task while the `with` block runs."""
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
        return {}  # a copy of a graph has none

    def __setstate__(self, state: object) -> None:
        self.__init__()  # type: ignore[misc]


def refuse_cache(options: Mapping[str, Any]) -> None:
    """Makes sure that nodes which are to be measured run.

    Raises:
        InputError: the options of a run name a cache.
    """
    if options.get("cache") is not None:
        raise InputError("nodes are measured as they run: a cache would leave them out")
