"""How deep the containers of an untrusted value are nested."""

from __future__ import annotations

from collections.abc import Collection

from composer.errors import CheckpointError

MAX_DEPTH = 64


def check_nesting(root: object, *, source: str) -> None:
    """Refuse a value that contains itself, or that is nested too deep to be walked safely.

    Walks without recursion. A container that occurs in several places is fine.

    Raises:
        CheckpointError: as said.
    """
    depths: dict[int, int] = {}
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
            depths[id(value)] = depth
        elif id(value) in ancestors:
            raise CheckpointError(f"{source}: refused: a container that contains itself.")
        elif id(value) not in depths:
            ancestors.add(id(value))
            pending.append((value, True))
            pending.extend((child, False) for child in children)


def _containers_in(value: object) -> list[object]:
    children: Collection[object] = ()
    if isinstance(value, dict):
        children = dict.values(value)
    elif isinstance(value, (list, tuple)):
        children = value
    return [child for child in children if isinstance(child, (dict, list, tuple))]
