"""The folder in which a graph keeps values while a `with` block runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from composer.errors import InputError
from composer.graph.thread_scopes import ThreadScopes
from composer.value_cache import ValueCache


class HeldCache(ThreadScopes[ValueCache]):
    """The cache that holds for the runs of one graph in a thread or task."""

    def current(self) -> ValueCache | None:
        """The cache of this thread or task, of the innermost block."""
        if not self.num_open or torch.compiler.is_compiling():
            return None
        own = self.held()
        return own[-1] if own else None

    @contextmanager
    def holding(self, cache: ValueCache) -> Iterator[ValueCache]:
        """Lets a cache hold in this thread or task while the `with` block runs."""
        scope = self.enter(cache)
        try:
            yield cache
        finally:
            self.leave(scope)


def refuse_cache(options: Mapping[str, Any]) -> None:
    """Makes sure that nodes which are to be measured run.

    Raises:
        InputError: the options of a run name a cache.
    """
    if options.get("cache") is not None:
        raise InputError("nodes are measured as they run: a cache would leave them out")
