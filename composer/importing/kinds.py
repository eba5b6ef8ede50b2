"""Checks the kinds of a configuration's values: those of detectron2's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAMES: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
}
_ITEMS: Mapping[type, str] = {bool: "true or false", int: "numbers", float: "numbers", str: "texts"}
_PER_LEVEL = "MODEL.ANCHOR_GENERATOR."  # a list for each level, or one list for all of them


def read_value(key: str, value: Any, default: Any) -> Any:
    """A value in the form that detectron2's default has.

    Args:
        key: its dotted key.
        value: the configuration's value.
        default: detectron2's value.

    Raises:
        ValueError: the value is of another kind; the text says what was expected.
    """
    if value is None and isinstance(default, str):
        return ""
    if key.startswith(_PER_LEVEL) and isinstance(value, list) and _is_flat(value):
        value = [value]
    if default is not None and not _fits(value, default):
        raise ValueError(f"{_describe(default)} was expected, like {default!r}")
    return value


def _is_flat(values: list[Any]) -> bool:
    return bool(values) and not any(isinstance(one, list) for one in values)


def _fits(value: Any, default: Any) -> bool:
    if isinstance(default, list):
        return isinstance(value, list) and all(_fits_item(one, default) for one in value)
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, (int, float))
    return isinstance(value, type(default))


def _fits_item(item: Any, defaults: list[Any]) -> bool:
    """Whether an item is like those of a default; a list of whole numbers may hold others."""
    if not defaults:
        return True
    first = defaults[0]
    is_number = isinstance(first, int) and not isinstance(first, bool)
    return _fits(item, float(first) if is_number else first)


def _describe(default: Any) -> str:
    """The kind of a value in words, such as "a list of lists of numbers"."""
    if not isinstance(default, list):
        return _NAMES[type(default)]
    words = "a list"
    inner = default
    while inner and isinstance(inner[0], list):
        words, inner = f"{words} of lists", inner[0]
    return f"{words} of {_ITEMS[type(inner[0])]}" if inner else words
