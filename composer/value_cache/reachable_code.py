"""The code that a function or class can reach, as it is now: what somebody replaced counts.

The source files of a package say what its code is. A running process may have replaced parts of it
all the same: a function of a module, a method, a constant. So from a function or class on, all
functions, classes and constants are followed that its code names, as far as they lie in packages
that publish something. Of others, the package is noted, which counts by its version or, where it
is under development, as unknown.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from operator import is_
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import torch

from composer.discovery import discover, find_owners

_CONSTANTS = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device)
_FORM = ("__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__")
_MISSING = object()


class ReachableCode(NamedTuple):
    """What a function or class can run.

    Attributes:
        digest: a hash of it.
        packages: top-level packages of it.
    """

    digest: str
    packages: frozenset[str]


class _Place(NamedTuple):
    """Where names were looked up, and what they meant."""

    names: Mapping[str, Any]
    asked: dict[str, Any]
    size: int | None  # of a class, which another attribute may change

    def is_current(self) -> bool:
        """Whether all names still mean the same objects."""
        if self.size is not None and len(self.names) != self.size:
            return False
        now = [self.names.get(name, _MISSING) for name in self.asked]
        return all(map(is_, now, self.asked.values()))


class _Found(NamedTuple):
    root: Any  # an address is only unique as long as its object lives
    code: ReachableCode
    published: object
    walk: _Walk

    def is_current(self, root: object, published: object) -> bool:
        """Whether a walk from a root would find the same."""
        return (
            self.root is root
            and self.published is published
            and all(each.is_current() for each in self.walk.places.values())
            and all(function.__code__ is code for function, code in self.walk.codes)
        )


def find_reachable(root: FunctionType | type) -> ReachableCode:
    """The code that a function or class can reach; the same object as long as it is the same."""
    published, found = discover("composer.nodes"), _list_found()
    known = found.get(id(root))
    if known is not None and known.is_current(root, published):
        return known.code
    walk = _Walk(find_owners())
    walk.follow(root)
    made = ReachableCode(walk.digest.hexdigest(), frozenset(walk.packages))
    found[id(root)] = _Found(root, made, published, walk)
    return made


@lru_cache(maxsize=1)
def _list_found() -> dict[int, _Found]:
    """What was found in this process, by the address of the root."""
    return {}


def describe_code(code: CodeType) -> Iterator[str]:
    """Texts that are equal for equal code."""
    yield from ("code", code.co_code.hex(), *code.co_names, *code.co_varnames)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from describe_code(constant)
        elif isinstance(constant, frozenset):
            yield from sorted(map(repr, constant))
        else:
            yield repr(constant)


@dataclass
class _Walk:
    """Follows names from object to object, and adds up what they mean."""

    owners: Mapping[str, str]
    packages: set[str] = field(default_factory=set)
    digest: Any = field(default_factory=hashlib.sha256)
    places: dict[int, _Place] = field(default_factory=dict)
    codes: list[tuple[FunctionType, CodeType]] = field(default_factory=list)
    _seen: dict[int, Any] = field(default_factory=dict)

    def follow(self, root: Any) -> None:
        """Adds an object, and all that it reaches."""
        pending = [(root, frozenset[str]())]
        while pending:
            value, names = pending.pop()
            pending += reversed(list(self._add(value, names)))

    def _note(self, *texts: str) -> None:
        for text in texts:
            data = text.encode("utf-8", "surrogatepass")
            self.digest.update(len(data).to_bytes(8, "little"))
            self.digest.update(data)

    def _is_open(self, value: Any) -> bool:
        """Notes the package of a function, class or module; whether its inside counts."""
        name = value.__name__ if isinstance(value, ModuleType) else value.__module__
        package = str(name or "builtins").partition(".")[0]
        if package.startswith("namedtuple_"):  # made by the standard library
            package = "collections"
        self.packages.add(package)
        self._note(str(name), str(getattr(value, "__qualname__", "")))
        return package in self.owners

    def _add(self, value: Any, names: frozenset[str]) -> Iterator[tuple[Any, frozenset[str]]]:
        """Adds an object; what it leads to, with the names by which code may go on there."""
        if isinstance(value, _CONSTANTS):
            self._note(type(value).__name__, repr(value))
        elif type(value) is tuple and all(isinstance(item, _CONSTANTS) for item in value):
            self._note("tuple", repr(value))
        elif isinstance(value, ModuleType):
            self._is_open(value)
            yield from self._look_up(vars(value), [n for n in names if n in vars(value)])
        elif isinstance(value, BuiltinFunctionType):
            self._is_open(value)
        elif id(value) not in self._seen:
            self._seen[id(value)] = value
            yield from self._enter(value)

    def _enter(self, value: Any) -> Iterator[tuple[Any, frozenset[str]]]:
        nothing = frozenset[str]()
        if isinstance(value, FunctionType):
            if self._is_open(value):
                yield from self._add_function(value)
        elif isinstance(value, type):
            if self._is_open(value):
                own = vars(value)
                yield from self._look_up(own, [n for n in own if n not in _FORM], size=len(own))
            elif "forward" in vars(value):  # somebody may have replaced that of torch
                yield from self._look_up(vars(value), ["forward"])
            yield from ((base, nothing) for base in value.__bases__ if base is not object)
        elif isinstance(value, (staticmethod, classmethod, MethodType)):
            yield value.__func__, nothing
        elif isinstance(value, property):
            yield from ((f, nothing) for f in (value.fget, value.fset) if f is not None)
        elif isinstance(value, (partial, cached_property)):
            yield value.func, nothing
        elif isinstance(wrapped := getattr(value, "__wrapped__", None), FunctionType):
            yield wrapped, nothing  # remembers what it gave, say
        elif not hasattr(type(value), "__get__"):
            yield type(value), nothing

    def _add_function(self, function: FunctionType) -> Iterator[tuple[Any, frozenset[str]]]:
        self.codes.append((function, function.__code__))
        self._note(*describe_code(function.__code__))
        names = frozenset(_list_names(function.__code__))
        self.packages.update(p for n in names if (p := n.partition(".")[0]) != n)
        yield from ((content, names) for content in _list_cells(function))
        yield from ((default, names) for default in function.__defaults__ or ())
        yield from self._look_up(function.__globals__, sorted(names), names)
        if isinstance(wrapped := getattr(function, "__wrapped__", None), FunctionType):
            yield wrapped, names

    def _look_up(
        self,
        place: Mapping[str, Any],
        names: Iterable[str],
        onward: frozenset[str] = frozenset(),
        *,
        size: int | None = None,
    ) -> Iterator[tuple[Any, frozenset[str]]]:
        asked = self.places.setdefault(id(place), _Place(place, {}, size)).asked
        for name in sorted(names):
            asked[name] = place.get(name, _MISSING)
            if asked[name] is not _MISSING:
                self._note("name", name)
                yield asked[name], onward


@lru_cache(maxsize=4096)
def _list_names(code: CodeType) -> tuple[str, ...]:
    """The names in code and in the code inside it."""
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return tuple(dict.fromkeys([*code.co_names, *(n for each in inner for n in _list_names(each))]))


def _list_cells(function: FunctionType) -> list[Any]:
    """What a function that another one made has of it."""
    found = []
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # empty as yet
            found.append(cell.cell_contents)
    return found
