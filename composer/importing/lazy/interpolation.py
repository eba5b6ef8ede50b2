"""Resolves OmegaConf's interpolations: `${model.num_classes}`, and `${..num_classes}` from here."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from composer.importing.lazy.elements import Element, PythonCall, Unresolved
from composer.names import did_you_mean

_REFERENCE = re.compile(r"\$\{([^{}$]*)\}")
_PART = re.compile(r"\[?([^\[\].]+)\]?\.?")
_MAX_VALUES = 100_000
_MAX_STEPS = 100

_Path = tuple[str, ...]


def resolve_interpolations(root: Element) -> Element:
    """A configuration with values in place of its interpolations.

    An interpolation without a value becomes `Unresolved`: what does not look at it does not mind.
    """
    return _Resolver(root).resolve(root, (), ())


class _UnresolvableError(Exception):
    """An interpolation has no value; the text says why."""


class _Resolver:
    def __init__(self, root: Element) -> None:
        self.root = root
        self.num_values = 0

    def resolve(self, element: Element, path: _Path, above: tuple[_Path, ...]) -> Element:
        """An element with all interpolations below it resolved.

        Args:
            element: as it stands in the file.
            path: where, from which relative interpolations count.
            above: the places of the interpolations that lead here.
        """
        value = element.value
        if isinstance(value, str) and "${" in value:
            return self.interpolate(element, path, above)
        if isinstance(value, list):
            value = [self.resolve(item, (*path, str(i)), above) for i, item in enumerate(value)]
        elif isinstance(value, dict):
            value = {name: self.resolve(x, (*path, name), above) for name, x in value.items()}
        elif isinstance(value, PythonCall):
            given = {k: self.resolve(x, (*path, k), above) for k, x in value.keywords.items()}
            value = replace(value, keywords=given)
        return replace(element, value=value)

    def interpolate(self, element: Element, path: _Path, above: tuple[_Path, ...]) -> Element:
        text: str = element.value
        try:
            if path in above or len(above) > _MAX_STEPS:
                raise _UnresolvableError("it leads back to itself")
            if whole := _REFERENCE.fullmatch(text):
                found = self.find(whole.group(1), path, (*above, path))
                return replace(found, place=element.place)
            if "${" in _REFERENCE.sub("", text):
                raise _UnresolvableError("interpolations within interpolations are not read")
            parts = {one: self.find(one, path, (*above, path)) for one in _REFERENCE.findall(text)}
            return replace(element, value=_REFERENCE.sub(lambda m: _word(parts[m[1]]), text))
        except _UnresolvableError as error:
            return replace(element, value=Unresolved(text, str(error)))

    def find(self, reference: str, path: _Path, above: tuple[_Path, ...]) -> Element:
        """What a reference means at a place."""
        if ":" in reference:
            raise _UnresolvableError("it is worked out when a program runs: write its value")
        name = reference.strip().lstrip(".")
        num_dots = len(reference.strip()) - len(name)
        if num_dots > len(path):
            raise _UnresolvableError(f"there is nothing {num_dots} levels above")
        parts = _PART.findall(name)
        here: _Path = path[: len(path) - num_dots] if num_dots else ()
        element, here = self.descend(self.root, (), here, above)
        element, here = self.descend(element, here, tuple(parts), above)
        self.count(element)
        return self.resolve(element, here, above)

    def descend(
        self, element: Element, path: _Path, parts: _Path, above: tuple[_Path, ...]
    ) -> tuple[Element, _Path]:
        for part in parts:
            if isinstance(element.value, str) and "${" in element.value:
                element = self.interpolate(element, path, above)
            items = _items(element.value)
            if part not in items:
                hint = did_you_mean(part, list(items))
                what = ".".join(path) or "the configuration"
                raise _UnresolvableError(f"there is no '{part}' in {what}. {hint}".rstrip())
            element, path = items[part], (*path, part)
        return element, path

    def count(self, element: Element) -> None:
        """Limits how many values interpolations repeat: each may hold others."""
        self.num_values += _count(element)
        if self.num_values > _MAX_VALUES:
            raise _UnresolvableError("interpolations repeat too many values")


def _items(value: Any) -> dict[str, Element]:
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    if isinstance(value, PythonCall):
        return value.keywords
    return value if isinstance(value, dict) else {}


def _count(element: Element) -> int:
    return 1 + sum(_count(item) for item in _items(element.value).values())


def _word(element: Element) -> str:
    if isinstance(element.value, (list, dict, PythonCall, Unresolved)):
        raise _UnresolvableError("a part of it is no plain value")
    return str(element.value)
