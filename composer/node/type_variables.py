"""Type variables in the types of ports: one type in all ports of a node that name it.

A variable has alternatives (`TypeVar("AnyBoxes", Boxes, RotatedBoxes)`), a bound, or neither. The
wires of a node's inputs bind it, and the outputs that name it get the bound type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from composer.node.port_matching import accepts, meaning, members, plain, remember
from composer.structures import PortType

Bindings = dict[TypeVar, Any]


@remember
def find_variables(annotation: Any) -> tuple[TypeVar, ...]:
    """The type variables that a type names, in order."""
    if isinstance(annotation, TypeVar):
        return (annotation,)
    mark = meaning(annotation)
    inside = [*_arguments(annotation), *([] if mark is None else [mark.of])]
    return tuple(dict.fromkeys(one for part in inside for one in find_variables(part)))


def substitute(annotation: Any, types: Mapping[TypeVar, Any]) -> Any:
    """The type with some of its variables replaced."""
    if isinstance(annotation, TypeVar):
        return types.get(annotation, annotation)
    if types.keys().isdisjoint(find_variables(annotation)):
        return annotation
    arguments = tuple(substitute(part, types) for part in _arguments(annotation))
    origin: Any = get_origin(annotation)
    if origin is Annotated:
        arguments += tuple(_substitute_mark(mark, types) for mark in get_args(annotation)[1:])
    return _unite(arguments) if _is_union(annotation) else origin[arguments]


def resolve(annotation: Any, bindings: Mapping[TypeVar, Any]) -> Any:
    """The type with all of its variables replaced by their bound types.

    A variable with alternatives is one of them in all its places, so where it is not bound, or to
    several, the type is a union: `list[Boxes] | list[RotatedBoxes]`, and no list of both.
    """
    variables = find_variables(annotation)
    choices = [
        members(bindings.get(one, one)) if one.__constraints__ else [bindings.get(one, Any)]
        for one in variables
    ]
    chosen = (dict(zip(variables, types, strict=True)) for types in product(*choices))
    return _unite(substitute(annotation, types) for types in chosen)


def bind(expected: Any, given: Any) -> Bindings:
    """The types that the variables of an input's type stand for.

    Args:
        expected: the input's type.
        given: the type of its source. A part that is open (`Any`) binds nothing.
    """
    found: Bindings = {}
    for give in members(given) if find_variables(expected) else ():
        fitting = [want for want in _alternatives(expected) if accepts(want, give)]
        for variable, kind in (_bind_one(fitting[0], give) if fitting else {}).items():
            found[variable] = _unite((found.get(variable, kind), kind))
    return found


def agree(first: Any, second: Any) -> Any | None:
    """The type that two uses of a variable agree on: the wider one; None if neither is."""
    if accepts(first, second):
        return first
    return second if accepts(second, first) else None


def _bind_one(expected: Any, given: Any) -> Bindings:
    if given is Any:
        return {}
    if isinstance(expected, TypeVar):
        return {expected: _choose(expected, given)}
    want_mark, give_mark = meaning(expected), meaning(given)
    want, give = plain(expected), plain(given)
    pairs = [(want, give)] if isinstance(want, TypeVar) else []
    pairs += zip(_arguments(want), _arguments(give), strict=False)
    if want_mark is not None and give_mark is not None:
        pairs.append((want_mark.of, give_mark.of))
    found: Bindings = {}
    for part, other in pairs:
        found |= bind(part, other)
    return found


def _choose(variable: TypeVar, given: Any) -> Any:
    """The alternative that a type is; of several that it may be, all."""
    fitting = [choice for choice in variable.__constraints__ if accepts(choice, given)]
    exact = [choice for choice in fitting if accepts(given, choice)]
    return _unite(exact or fitting or [given])


def _alternatives(annotation: Any) -> list[Any]:
    """The parts of a union, type variables last: they are less specific."""
    parts = list(_arguments(annotation)) if _is_union(annotation) else [annotation]
    return sorted(parts, key=lambda part: isinstance(part, TypeVar))


def _substitute_mark(mark: Any, types: Mapping[TypeVar, Any]) -> Any:
    return replace(mark, of=substitute(mark.of, types)) if isinstance(mark, PortType) else mark


def _arguments(annotation: Any) -> tuple[Any, ...]:
    """The types inside of a type; those of an annotated one without its marks."""
    if get_origin(annotation) is Annotated:
        return get_args(annotation)[:1]
    return get_args(annotation) if _is_generic(annotation) or _is_union(annotation) else ()


def _unite(types: Iterable[Any]) -> Any:
    return Union[tuple(types)]  # noqa: UP007 - an operator takes no types that are found at run time


def _is_generic(annotation: Any) -> bool:
    return isinstance(get_origin(annotation), type) and not _is_union(annotation)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) is Union or get_origin(annotation) is UnionType
