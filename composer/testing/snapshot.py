"""Snapshots of values, and differences between them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Compared as they are: they cannot change, or (a path) fill caches of their own when used.
_PLAIN = (str, bytes, int, float, complex, type(None), type, os.PathLike, torch.dtype, torch.device)


@dataclass(frozen=True)
class Snapshot:
    """A copy of a value, tensors, containers and attributes apart.

    Args:
        kind: its type.
        parts: snapshots of its members and attributes, by the text after the value's name
            (`[0]`, `.tensor`), in order.
        content: a copy of what has no parts.
        version: how often a tensor was written to in place.
    """

    kind: type
    parts: Mapping[str, Snapshot] = field(default_factory=dict)
    content: Any = None
    version: int = 0


def take_snapshot(value: Any) -> Snapshot:
    """Copies a value as it is now."""
    return _take(value, ())


def find_differences(
    before: Snapshot, after: Snapshot, name: str, *, versions: bool = False
) -> Iterator[str]:
    """Yields differences, part by part: `'x.tensor' has other values`.

    Args:
        before: the earlier snapshot.
        after: the later one.
        name: the name of the value.
        versions: whether a tensor that was written to and has equal values differs, too.
    """
    if before.kind is not after.kind:
        yield f"'{name}' was {_kind(before)} and is {_kind(after)}"
        return
    if issubclass(before.kind, Tensor):
        yield from _tensor_differences(before, after, name, versions)
        return
    gone = [part for part in before.parts if part not in after.parts]
    new = [part for part in after.parts if part not in before.parts]
    yield from (f"'{name}{part}' is gone" for part in gone)
    yield from (f"'{name}{part}' is new" for part in new)
    if not gone and not new and list(before.parts) != list(after.parts):
        yield f"'{name}' has its parts in another order"
    for part, earlier in before.parts.items():
        if part in after.parts:
            later = after.parts[part]
            yield from find_differences(earlier, later, f"{name}{part}", versions=versions)
    if not _is_same(before.content, after.content):
        yield f"'{name}' was {before.content!r} and is {after.content!r}"


def _take(value: Any, inside: tuple[int, ...]) -> Snapshot:
    kind = type(value)
    if isinstance(value, Tensor):
        version = 0 if value.is_inference() else value._version
        content = value.detach().clone().requires_grad_(value.requires_grad)
        return Snapshot(kind, content=content, version=version)
    if isinstance(value, np.ndarray):
        return Snapshot(kind, content=value.copy())
    if id(value) in inside or isinstance(value, _PLAIN) or callable(value):
        return Snapshot(kind, content=value if isinstance(value, _PLAIN) else None)
    members = _members(value)
    if not members and not hasattr(value, "__len__") and not hasattr(value, "__dict__"):
        return Snapshot(kind, content=value)  # a date, say
    inside = (*inside, id(value))
    return Snapshot(kind, {part: _take(member, inside) for part, member in members.items()})


def _members(value: Any) -> dict[str, Any]:
    """The parts of a value by the text after its name."""
    if isinstance(value, Mapping):
        return {f"[{key!r}]": member for key, member in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {f".{name}": getattr(value, name) for name in value._fields}
    if isinstance(value, list | tuple):
        return {f"[{index}]": member for index, member in enumerate(value)}
    if isinstance(value, set | frozenset):
        return {f" with {member!r}": None for member in sorted(value, key=repr)}
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    named = {
        name: getattr(value, name) for name in slots if name != "__dict__" and hasattr(value, name)
    }
    attributes = {**named, **getattr(value, "__dict__", {})}
    return {
        f".{name}": member
        for name, member in attributes.items()
        if not isinstance(getattr(type(value), name, None), cached_property)
    }


def _tensor_differences(
    before: Snapshot, after: Snapshot, name: str, versions: bool
) -> Iterator[str]:
    old, new = before.content, after.content
    for aspect in ("shape", "dtype", "device", "requires_grad"):
        was, now = getattr(old, aspect), getattr(new, aspect)
        if was != now:
            yield f"'{name}' has another {aspect}: {_shown(was)} became {_shown(now)}"
            return
    if not _is_same(old, new):
        yield f"'{name}' has other values"
    elif versions and before.version != after.version:
        yield f"'{name}' was written to in place, though with equal values this time"


def _is_same(old: Any, new: Any) -> bool:
    if isinstance(old, Tensor):
        equal = (old == new) | ((old != old) & (new != new))
        return bool(equal.all())
    if isinstance(old, np.ndarray):
        return old.shape == new.shape and old.dtype == new.dtype and old.tobytes() == new.tobytes()
    return bool(old is new or old == new or (old != old and new != new))


def _kind(snapshot: Snapshot) -> str:
    return f"of type {snapshot.kind.__name__}"


def _shown(aspect: Any) -> str:
    if isinstance(aspect, torch.Size):
        return "x".join(map(str, aspect)) or "scalar"
    return str(aspect).removeprefix("torch.")
