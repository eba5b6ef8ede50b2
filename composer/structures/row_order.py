"""What a node type says of the order of its boxes: that they are its regions, one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_ATTRIBUTE = "keeps_rows"
_NodeType = TypeVar("_NodeType", bound=Callable[..., Any])


def keeps_rows(node_type: _NodeType) -> _NodeType:
    """Decorates a node type that gives a box for each of its regions, in their order.

    Boxes that a node returns are regions of their own otherwise: it may sort them, or drop some.
    """
    setattr(node_type, _ATTRIBUTE, True)
    return node_type


def has_kept_rows(node_type: object) -> bool:
    """Whether a node type, a class or a function, is decorated with `keeps_rows`."""
    return bool(getattr(node_type, _ATTRIBUTE, False))
