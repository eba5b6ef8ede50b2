"""Which output fits which input, and what to call a port's type."""

from __future__ import annotations

import inspect
import types
import typing
from typing import Annotated, Any, Union, get_args, get_origin

from composer.structures.port_types import PortType


def meaning(annotation: Any) -> PortType | None:
    """The `PortType` of an annotated type, if it has one."""
    if get_origin(annotation) is Annotated:
        for mark in get_args(annotation)[1:]:
            if isinstance(mark, PortType):
                return mark
    return None


def plain(annotation: Any) -> Any:
    """The type without `Annotated`, and a jaxtyping array as the array it is made of."""
    if get_origin(annotation) is Annotated:
        return plain(get_args(annotation)[0])
    array = getattr(annotation, "array_type", None)
    return annotation if array is None else plain(array)


def members(annotation: Any) -> list[Any]:
    """The alternatives of a union, or the type itself."""
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for part in get_args(annotation) for member in members(part)]
    return [annotation]


def accepts(wanted: Any, given: Any) -> bool:
    """Whether an input of type `wanted` takes what an output of type `given` gives.

    Named types fit by name; an unnamed type fits a named one that is made of it. Lists fit
    element by element, classes by inheritance; `Any` fits all.
    """
    if wanted is Any or given is Any or wanted is object:
        return True
    return all(any(_fits(want, give) for want in members(wanted)) for give in members(given))


def _fits(wanted: Any, given: Any) -> bool:
    want_mark, give_mark = meaning(wanted), meaning(given)
    if want_mark is not None and give_mark is not None:
        return want_mark.name == give_mark.name
    want, give = plain(wanted), plain(given)
    if want is Any or give is Any or want is object:
        return True
    want_origin, give_origin = get_origin(want) or want, get_origin(give) or give
    if not (inspect.isclass(want_origin) and inspect.isclass(give_origin)):
        return bool(want == give)
    if not issubclass(give_origin, want_origin):
        return False
    want_args, give_args = get_args(want), get_args(give)
    if not want_args or not give_args or len(want_args) != len(give_args):
        return True
    return all(accepts(w, g) for w, g in zip(want_args, give_args, strict=True) if w is not ...)


def describe_type(annotation: Any) -> str:
    """The type in words: `Features`, `Boxes per image`, `RegionFeatures or nothing`."""
    mark = meaning(annotation)
    if mark is not None:
        return mark.name
    alternatives = members(annotation)
    if len(alternatives) > 1:
        kept = [describe_type(member) for member in alternatives if member is not type(None)]
        tail = " or nothing" if type(None) in alternatives else ""
        return " or ".join(kept) + tail
    bare = plain(annotation)
    if get_origin(bare) is list:
        return f"{describe_type(get_args(bare)[0])} per image"
    if bare is Any:
        return "anything"
    if get_origin(bare) is not None:
        return str(bare).replace("typing.", "")
    return getattr(bare, "__name__", str(bare))


def fields_of(annotation: Any) -> dict[str, Any]:
    """Named parts that wires can address: a NamedTuple's fields, or a class's annotated properties.

    Args:
        annotation: an output's type, or an input's.
    """
    bare = plain(annotation)
    if not inspect.isclass(bare):
        return {}
    if issubclass(bare, tuple) and hasattr(bare, "_fields"):
        hints = typing.get_type_hints(bare, include_extras=True)
        return {name: hints.get(name, Any) for name in bare._fields}
    found: dict[str, Any] = {}
    for name, member in inspect.getmembers(bare):
        if isinstance(member, property) and member.fget is not None and not name.startswith("_"):
            hints = typing.get_type_hints(member.fget, include_extras=True)
            if "return" in hints:
                found[name] = hints["return"]
    return found
