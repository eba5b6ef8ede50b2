"""The parts of a value that wires can address."""

from __future__ import annotations

import inspect
import typing
from typing import Any, get_args, get_origin

from composer.node.port_matching import plain
from composer.node.type_variables import substitute


def is_named_tuple(annotation: Any) -> bool:
    """Whether a type is a NamedTuple, or a generic one with its arguments."""
    bare = get_origin(plain(annotation)) or plain(annotation)
    return inspect.isclass(bare) and issubclass(bare, tuple) and hasattr(bare, "_fields")


def fields_of(annotation: Any) -> dict[str, Any]:
    """Named parts that wires can address: a NamedTuple's fields, or a class's annotated properties.

    Args:
        annotation: an output's type, or an input's.
    """
    bare = plain(annotation)
    if is_named_tuple(bare):
        return _fields_of_tuple(bare)
    if not inspect.isclass(bare):
        return {}
    found: dict[str, Any] = {}
    for name, member in inspect.getmembers(bare):
        if isinstance(member, property) and member.fget is not None and not name.startswith("_"):
            hints = typing.get_type_hints(member.fget, include_extras=True)
            if "return" in hints:
                found[name] = hints["return"]
    return found


def _fields_of_tuple(bare: Any) -> dict[str, Any]:
    kind = get_origin(bare) or bare
    bound = dict(zip(getattr(kind, "__parameters__", ()), get_args(bare), strict=False))
    hints = typing.get_type_hints(kind, include_extras=True)
    return {name: substitute(hints.get(name, Any), bound) for name in kind._fields}
