"""Matching of values with port types.

Only what cannot be meant is refused: a number for a tensor, one tensor for a list of boxes. Shapes
are left to the node, and so are objects of classes unknown here, which may be look-alikes.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from composer.node.port_matching import members, plain

_KNOWN = {"builtins", "composer", "numpy", "torch"}


def takes(expected: Any, value: object) -> bool:
    """Whether a port of type `expected` may be given a value."""
    return any(_is_one(plain(member), value) for member in members(plain(expected)))


def _is_one(expected: Any, value: object) -> bool:
    kind, arguments = get_origin(expected) or expected, get_args(expected)
    if kind is Any or kind is object:
        return True
    if kind is None or kind is type(None) or value is None:
        return value is None and kind in (None, type(None))
    if not inspect.isclass(kind):
        return True
    if _is_unknown(value):
        return True
    if kind is list and isinstance(value, (list, tuple)):
        return all(takes(argument, member) for argument in arguments for member in value)
    if not isinstance(value, kind):
        return False
    if isinstance(value, Mapping):
        return all(takes(inside, member) for inside in arguments[1:] for member in value.values())
    return True


def _is_unknown(value: object) -> bool:
    """Whether a value is of a class that neither Python, torch, numpy nor this package has."""
    if isinstance(value, (list, tuple, Mapping)):
        return False
    return type(value).__module__.partition(".")[0] not in _KNOWN
