"""Checks of what a pickle has made, before anything walks through it."""

from __future__ import annotations

from collections.abc import Collection

from composer.checkpoint.placeholders import Placeholder
from composer.errors import CheckpointError

MAX_DEPTH = 64


def check_nesting(root: object, *, source: str, max_walk: int | None = None) -> None:
    """Refuses a value that contains itself, or that is nested too deep to be walked safely.

    Walks without recursion. A container that occurs in several places is fine.

    Args:
        root: the value.
        source: name of the file, for messages.
        max_walk: the most items that a walk may meet that enters a container wherever it occurs.

    Raises:
        CheckpointError: as said.
    """
    depths: dict[int, int] = {}
    lengths: dict[int, int] = {}
    ancestors: set[int] = set()
    pending = [(root, False)]
    while pending:
        value, is_walked = pending.pop()
        children = _containers_in(value)
        if is_walked:
            ancestors.discard(id(value))
            depth = 1 + max((depths[id(child)] for child in children), default=0)
            if depth > MAX_DEPTH:
                raise CheckpointError(f"{source}: refused: nested more than {MAX_DEPTH} deep.")
            length = 1 + len(children) + sum(lengths[id(child)] for child in children)
            if max_walk is not None and length > max_walk:
                raise CheckpointError(f"{source}: refused: one container in too many places.")
            depths[id(value)], lengths[id(value)] = depth, length
        elif id(value) in ancestors:
            raise CheckpointError(f"{source}: refused: a container that contains itself.")
        elif id(value) not in depths:
            ancestors.add(id(value))
            pending.append((value, True))
            pending.extend((child, False) for child in children)


def check_names(root: object, *, source: str) -> None:
    """Refuses dicts in which two keys are one name, such as 1 and "1".

    Args:
        root: a value that `check_nesting` has passed.
        source: name of the file, for messages.

    Raises:
        CheckpointError: as said.
    """
    seen: set[int] = set()
    pending = [root]
    while pending:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        pending.extend(_containers_in(value))
        if isinstance(value, dict) and not all(type(key) is str for key in value):
            names = {key if isinstance(key, (str, Placeholder)) else str(key) for key in value}
            if len(names) != len(value):
                raise CheckpointError(
                    f"{source}: refused: two keys of a dict are one as text (1 and '1'); names "
                    "are text."
                )


def _containers_in(value: object) -> list[object]:
    children: Collection[object] = ()
    if isinstance(value, dict):
        children = dict.values(value)
    elif isinstance(value, (list, tuple)):
        children = value
    return [child for child in children if isinstance(child, (dict, list, tuple))]
