"""The types of the values that a pydantic model allows in a document."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from pydantic import BaseModel


def is_model(kind: Any) -> TypeGuard[type[BaseModel]]:
    """Whether a type is a model."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def list_members(kind: Any) -> list[Any]:
    """The members of a union, or the type itself; without what `Annotated` adds."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return list_members(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return [each for argument in arguments for each in list_members(argument)]
    return [kind]


def list_types_at(kind: Any, step: str | int) -> Iterator[Any]:
    """The types that a value may have at a key or an index of one of a type."""
    if is_model(kind):
        for name, field in kind.model_fields.items():
            if step in (name, field.alias):
                yield from list_members(field.annotation)
    elif isinstance(step, str) and typing.get_origin(kind) in (dict, Mapping):
        yield from list_members(typing.get_args(kind)[1])
    elif isinstance(step, int):
        for argument in typing.get_args(kind):
            yield from list_members(argument)
