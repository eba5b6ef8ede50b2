"""Descriptions of the types of configuration values, with their ranges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

from composer.node.port_matching import describe_type, members, plain


def describe_field(field: FieldInfo) -> str:
    """The type of a field of a configuration: `float`, `1 <= int`, `tuple[0 < float, ...]`."""
    return _bounded(describe_value_type(field.annotation), field.metadata)


def describe_value_type(annotation: Any) -> str:
    """The type in words, inside of it too: `0 <= float <= 1`, `tuple[int or text, ...]`."""
    if get_origin(annotation) is Annotated:
        return _bounded(describe_value_type(plain(annotation)), get_args(annotation)[1:])
    alternatives = members(annotation)
    if len(alternatives) > 1:
        kept = [describe_value_type(one) for one in alternatives if one is not type(None)]
        return " or ".join(kept) + (" or nothing" if type(None) in alternatives else "")
    origin = get_origin(annotation)
    if origin in (None, Literal) or not hasattr(origin, "__name__"):
        return describe_type(annotation)
    inner = ["..." if one is ... else describe_value_type(one) for one in get_args(annotation)]
    return f"{origin.__name__}[{', '.join(inner)}]"


def _bounded(name: str, marks: Iterable[Any]) -> str:
    """Writes the bounds that the marks of an annotated type set around its name."""
    low, high = "", ""
    for mark in _flatten(marks):
        if isinstance(mark, annotated_types.Ge):
            low = f"{mark.ge} <= "
        elif isinstance(mark, annotated_types.Gt):
            low = f"{mark.gt} < "
        elif isinstance(mark, annotated_types.Le):
            high = f" <= {mark.le}"
        elif isinstance(mark, annotated_types.Lt):
            high = f" < {mark.lt}"
    return f"{low}{name}{high}"


def _flatten(marks: Iterable[Any]) -> Iterable[Any]:
    for mark in marks:
        if isinstance(mark, FieldInfo):
            yield from mark.metadata
        else:
            yield mark
