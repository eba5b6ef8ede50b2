"""Matching of outputs and values with inputs by type, and descriptions of port types.

Of values only what cannot be meant is refused: a number for a tensor, one tensor for a list of
boxes. Shapes are left to the node, and so are objects of classes unknown here, which may be
look-alikes.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import composer.structures as structures
from composer.discovery import DISTRIBUTION, find_distribution
from composer.structures import PortType

_Answer = TypeVar("_Answer")
_KNOWN = {"builtins", "composer", "numpy", "torch"}  # packages whose classes are known


def remember(question: Callable[..., _Answer]) -> Callable[..., _Answer]:
    """Keeps the answers about types, for specs use the same few on all of their wires."""
    cached = lru_cache(maxsize=4096)(question)

    @wraps(question)
    def answer(*annotations: Any) -> _Answer:
        try:
            return cached(*annotations)
        except TypeError:  # a type with a mark that has no hash
            return question(*annotations)

    return answer


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
    """The alternatives of a union or of a type variable, or the type itself."""
    if isinstance(annotation, TypeVar):
        choices = annotation.__constraints__ or (annotation.__bound__ or Any,)
        return [member for choice in choices for member in members(choice)]
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for part in get_args(annotation) for member in members(part)]
    return [annotation]


_OUR_NAMES = {
    mark.name for name in structures.__all__ if (mark := meaning(getattr(structures, name)))
}


@remember
def accepts(expected: Any, given: Any) -> bool:
    """Whether an input of type `expected` takes what an output of type `given` returns.

    Named types fit by name and distribution; an unnamed type fits a named one that is made of it.
    Lists fit element by element, classes by inheritance; `Any` fits all. A type variable fits like
    the union of its alternatives; `bind` returns the one that it stands for.
    """
    if expected is given or expected is Any or given is Any or expected is object:
        return True
    return all(any(_fits(want, give) for want in members(expected)) for give in members(given))


def _fits(expected: Any, given: Any) -> bool:
    want_mark, give_mark = meaning(expected), meaning(given)
    if want_mark is not None and give_mark is not None:
        return are_same(want_mark, give_mark) and _fit_inside(want_mark, give_mark)
    want, give = plain(expected), plain(given)
    if isinstance(want, TypeVar) or isinstance(give, TypeVar):
        return accepts(want, give)
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


def are_same(one: PortType, other: PortType) -> bool:
    """Whether two named types are the same: of one name and one distribution."""
    if one.name != other.name or one.package == other.package:
        return one.name == other.name
    return find_distribution(one.package) == find_distribution(other.package)


def _fit_inside(expected: PortType, given: PortType) -> bool:
    """Whether two types of one name fit by their `of`; an open one fits all."""
    return expected.of is None or given.of is None or accepts(expected.of, given.of)


def describe_type(annotation: Any, *, qualified: bool = False) -> str:
    """The type in words: `Features`, `Boxes per image`, `RegionFeatures or nothing`.

    Args:
        annotation: the type.
        qualified: name the distribution, or the package, that defines each type.
    """
    mark = meaning(annotation)
    if mark is not None:
        name = _name_owner(mark.package, mark.name) if qualified or _is_taken(mark) else mark.name
        return name if mark.of is None else f"{name} of {describe_type(mark.of)}"
    alternatives = members(annotation)
    if isinstance(annotation, TypeVar) and len(alternatives) == 1:
        return describe_type(alternatives[0], qualified=qualified)
    if len(alternatives) > 1:
        kept = [one for one in alternatives if one is not type(None)]
        words = " or ".join(describe_type(one, qualified=qualified) for one in kept)
        return f"{words} or nothing" if type(None) in alternatives else words
    bare = plain(annotation)
    if get_origin(bare) is list:
        return f"{describe_type(get_args(bare)[0], qualified=qualified)} per image"
    if bare is Any:
        return "anything"
    if get_origin(bare) is not None:
        return str(bare).replace("typing.", "")
    name = getattr(bare, "__name__", str(bare))
    package = str(getattr(bare, "__module__", "")).partition(".")[0]
    return _name_owner(package, name) if qualified and package != "builtins" else name


def describe_types(expected: Any, given: Any) -> tuple[str, str]:
    """Two types in words; with those who define them if they have the same names."""
    words = describe_type(expected), describe_type(given)
    if words[0] != words[1]:
        return words
    return describe_type(expected, qualified=True), describe_type(given, qualified=True)


def _name_owner(package: str, name: str) -> str:
    return f"{find_distribution(package)}/{name}"


def _is_taken(mark: PortType) -> bool:
    """Whether a type of another distribution has the name of one of ours."""
    if mark.name not in _OUR_NAMES or mark.package == "composer":
        return False
    return find_distribution(mark.package) != DISTRIBUTION


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
