"""Plain forms of values that an outcome depends on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from composer.documents import Place

_LONGEST_PATH = 4096


def make_plain(value: Any) -> Any:
    """A value as JSON has it, without places in documents, and without the order of mappings.

    Raises:
        TypeError: it holds what is no plain value, mapping, sequence, set, path or dataclass.
    """
    if value is None or isinstance(value, Place):
        return None
    if isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return [[key, make_plain(item)] for key, item in sorted(value.items())]
    if isinstance(value, (list, tuple)):
        return [make_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(str(item) for item in value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return [type(value).__name__, *_list_fields(value)]


def names_a_file(plain: Any) -> bool:
    """Whether a text in a plain value is the path of something that exists."""
    if isinstance(plain, str):
        return len(plain) < _LONGEST_PATH and "\0" not in plain and os.path.lexists(plain)
    return isinstance(plain, list) and any(names_a_file(item) for item in plain)


def _list_fields(value: Any) -> list[Any]:
    names = _names_of(type(value))
    return [make_plain(getattr(value, name)) for name in names]


def _names_of(kind: type) -> tuple[str, ...]:
    if is_dataclass(kind):
        return tuple(field.name for field in fields(kind))
    if (named := getattr(kind, "model_fields", None)) is not None:
        return tuple(named)
    raise TypeError(f"a {kind} has no plain form")
