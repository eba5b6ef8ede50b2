"""Exact readers of single values of JSON: numbers, truth, names and ids.

JSON has one kind of numbers, so 1.0 is 1. A text is never a number or a truth, and infinite values,
which Python's own reader of JSON lets through, are none of these. Whatever is no such value is a
`BadPart` that has the key and the value expected.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard, TypeVar

from composer.data.faults import BadPart, FaultKind

_EXACT = 2**53  # whole numbers from here on are not told apart by floating point
_SHOWN = 60  # characters of a value in messages

_Default = TypeVar("_Default")


def show_value(value: object) -> str:
    """A value in a message, cut where it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no integers of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floating point
        return False


def are_numbers(values: object) -> TypeGuard[Sequence[float]]:
    """Whether a value is a list of finite numbers, of which true and false are none."""
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes)):
        return False
    try:  # all at once: outlines have hundreds of thousands of them
        return all(map(math.isfinite, values)) and bool not in set(map(type, values))
    except (TypeError, OverflowError):
        return False


def to_number(value: object, key: str, kind: FaultKind = "malformed") -> float:
    """A finite number.

    Args:
        value: the value.
        key: where it stands, for the message.
        kind: kind of the fault if it is none.

    Raises:
        BadPart: it is none.
    """
    if not is_number(value):
        raise BadPart(kind, f"'{key}' is a number, not {show_value(value)}")
    return float(value)


def to_integer(
    value: object,
    key: str,
    lowest: int | None = None,
    kind: FaultKind = "malformed",
) -> int:
    """A whole number, which may be written as 1.0.

    Args:
        value: the value.
        key: where it stands, for the message.
        lowest: the lowest that makes sense.
        kind: kind of the fault if it is none.

    Raises:
        BadPart: it is none, or below the lowest.
    """
    whole = as_integer(value)
    if whole is None or (lowest is not None and whole < lowest):
        limit = "" if lowest is None else f" from {lowest} on"
        raise BadPart(kind, f"'{key}' is a whole number{limit}, not {show_value(value)}")
    return whole


def as_integer(value: object) -> int | None:
    """A whole number, which may be written as 1.0; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return None


def as_id(value: object) -> int | str | None:
    """An id: a whole number, which may be written as 1.0, or a text; None if it is neither."""
    return value if isinstance(value, str) else as_integer(value)


def to_id(value: object, key: str) -> int | str:
    """An id: a whole number or a text.

    Raises:
        BadPart: it is neither.
    """
    found = as_id(value)
    if found is None:
        raise BadPart("malformed", f"'{key}' is a whole number or a text, not {show_value(value)}")
    return found


def to_flag(entry: Mapping[str, Any], key: str, default: _Default) -> bool | _Default:
    """A truth: true, false, 0 or 1.

    Args:
        entry: the mapping that has it.
        key: its key.
        default: what its absence, or null, stands for.

    Raises:
        BadPart: it is something else; a text is, whatever it says.
    """
    value = entry.get(key)
    if value is None:
        return default
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return bool(value)
    raise BadPart("malformed", f"'{key}' is 0 or 1, true or false, not {show_value(value)}")


def as_name(value: object) -> str | None:
    """A name: a text, or a number as it is written; None if it is neither, or blank."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, (int, float)) and is_number(value):
        return str(value)
    return None


def describe_missing_id(value: object, known: Mapping[Any, object]) -> str:
    """A hint for an id that is none of the known ones, where its text is one of another kind.

    Args:
        value: the id.
        known: the ids that there are.
    """
    if isinstance(value, str):
        number = int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else None
        if number is not None and number in known:
            return f"Ids are numbers here: {number}, without quotes."
    elif str(value) in known:
        return f'Ids are texts here: "{value}", in quotes.'
    return ""
