"""Collective operations of an evaluation: gather to rank 0, and compute there once.

Without `torch.distributed` there is one process, and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch import distributed

from composer.errors import ComposerError, InputError
from composer.escapes import describe_error

T = TypeVar("T")


def gather_parts(part: T) -> list[T]:
    """Gathers a value of all processes on rank 0, in order of ranks; others get an empty list."""
    if not _is_shared():
        return [part]
    first = distributed.get_rank() == 0
    parts: list[Any] | None = [None] * distributed.get_world_size() if first else None
    distributed.gather_object(part, parts)
    return parts or []


def compute_once(compute: Callable[[], T]) -> T:
    """Calls a function on rank 0 and broadcasts its value.

    Raises:
        ComposerError: what the function raised, on every process, so that none waits for ever.
    """
    if not _is_shared():
        return compute()
    box: list[Any] = [None]
    if distributed.get_rank() == 0:
        box = [_try(compute)]
    distributed.broadcast_object_list(box)
    if isinstance(box[0], ComposerError):
        raise box[0]
    return box[0]


def _try(compute: Callable[[], Any]) -> Any:
    try:
        return compute()
    except ComposerError as error:
        return error
    except Exception as error:  # or the other processes would wait for ever
        return InputError(f"the results cannot be computed: {describe_error(error)}")


def _is_shared() -> bool:
    return (
        distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_world_size() > 1
    )
