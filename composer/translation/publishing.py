"""Publishes the translation of a node type with its class or function."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

Value: TypeAlias = Any  # of onnx_ir, which is imported by who exports only
Translation = Callable[..., Any]

_ATTRIBUTE = "onnx_translation"
_NodeType = TypeVar("_NodeType", bound=Callable[..., Any])


def translated_by(target: str) -> Callable[[_NodeType], _NodeType]:
    """Decorates a node type with the name of its translation, which is imported when it is needed.

    Args:
        target: `package.module:function`.
    """

    def publish(node_type: _NodeType) -> _NodeType:
        setattr(node_type, _ATTRIBUTE, target)
        return node_type

    return publish


def find_translation(node_type: object) -> Translation | None:
    """The translation of a node type; None if it publishes none.

    Args:
        node_type: a class or a function; its attribute `onnx_translation` is a function or names
            one.

    Raises:
        ImportError, AttributeError: the function that is named is not there.
    """
    found: Any = vars(node_type).get(_ATTRIBUTE) if hasattr(node_type, "__dict__") else None
    if not isinstance(found, str):
        return getattr(found, "__func__", found)
    module, _, name = found.partition(":")
    translation: Translation = getattr(importlib.import_module(module), name)
    return translation
