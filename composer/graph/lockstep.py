"""Batches in step: as many in every process, where all have to run a graph together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from torch import distributed, nn

from composer.errors import ComposerError
from composer.graph.sharding import is_sharded

B = TypeVar("B")


def in_step(model: nn.Module | None, batches: Iterable[B]) -> Iterator[tuple[B, bool]]:
    """The batches of this process, padded with its first one until no process has any left.

    Weights that are spread over processes are gathered whenever a module runs, by all processes
    together: one that ran fewer batches than the others would leave them waiting. A model that is
    whole on each process gets its batches as they are.

    Args:
        model: what is run. If it is sharded, all processes call this together.
        batches: this process' batches; there may be none.

    Yields:
        A batch, and whether it counts: padding does not.

    Raises:
        ComposerError: what preparing a batch raised, in this process or another.
    """
    if model is not None and is_sharded(model):
        yield from _pad(batches)
    else:
        yield from ((batch, True) for batch in batches)


def _pad(batches: Iterable[B]) -> Iterator[tuple[B, bool]]:
    remaining = iter(batches)
    filler: list[B] = []
    while True:
        found, error = _take(remaining)
        present = _exchange(error or bool(found))
        for state in present:
            if isinstance(state, ComposerError):
                raise state
        if not any(present):
            return
        filler = filler or _share(found, present)
        yield (found or filler)[0], bool(found)


def _take(batches: Iterator[B]) -> tuple[list[B], ComposerError | None]:
    """The next batch, if there is one, or why there is none."""
    try:
        return [next(batches)], None
    except StopIteration:
        return [], None
    except ComposerError as error:  # the other processes are to hear of it
        return [], error


def _exchange(state: bool | ComposerError) -> list[bool | ComposerError]:
    found: list[bool | ComposerError] = [False] * distributed.get_world_size()
    distributed.all_gather_object(found, state)
    return found


def _share(found: list[B], present: list[bool | ComposerError]) -> list[B]:
    """A batch to pad with: this process' first one, or another's where it has none at all."""
    if all(present):
        return found
    first = present.index(True)
    shared = [found if distributed.get_rank() == first else []]
    distributed.broadcast_object_list(shared, first)
    return found or shared[0]
