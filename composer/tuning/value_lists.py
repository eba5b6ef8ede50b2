"""Lists of values as texts: `0.05,0.1`, ranges such as `0.3:0.7:0.1`, and both in one list."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from composer.documents import parse_value
from composer.errors import InputError, SpecError

MAX_VALUES = 10_000  # of a list, and settings of a grid

_PAIRS = {"[": "]", "{": "}", "(": ")"}
_QUOTES = "'\""
_FORM = "a range is START:STOP:STEP with its end included, such as 0.3:0.7:0.1"


def parse_variation(text: str) -> tuple[str, list[Any]]:
    """The address and the values of `ADDRESS=VALUES`.

    Raises:
        InputError: it has another form.
    """
    address, equals, values = text.partition("=")
    if not equals or not address.strip():
        raise InputError(
            f"'{text}' is not ADDRESS=VALUES, such as detections.nms_threshold=0.4,0.6"
        )
    try:
        return address.strip(), parse_values(values)
    except InputError as error:
        raise InputError(f"{text}: {error}") from None


def parse_values(text: str) -> list[Any]:
    """The values of a list: each a range of numbers, or a value in YAML. Repeated ones come once.

    Raises:
        InputError: a range is none, a value is no YAML, or there are too many values.
    """
    found: list[Any] = []
    for part in split_list(text):
        values = _parse_range(part) if _is_range(part) else [_parse_one(part)]
        found += [value for value in values if not _is_in(value, found)]
        _check_count(len(found))
    return found


def split_list(text: str) -> list[str]:
    """The parts of a list between commas, except those within brackets and quotes.

    Raises:
        InputError: a part is empty, or a bracket or quote is not closed.
    """
    parts, open_, quote = [""], list[str](), ""
    for sign in text:
        if sign == "," and not open_ and not quote:
            parts.append("")
            continue
        parts[-1] += sign
        if quote:
            quote = "" if sign == quote else quote
        elif sign in _QUOTES:
            quote = sign
        elif sign in _PAIRS:
            open_.append(_PAIRS[sign])
        elif open_ and sign == open_[-1]:
            open_.pop()
    if open_ or quote:
        raise InputError(f"'{text}' lacks a closing {open_[-1] if open_ else quote}")
    if not all(part.strip() for part in parts):
        raise InputError(f"'{text}' has an empty value" if text.strip() else "there are no values")
    return [part.strip() for part in parts]


def _is_range(text: str) -> bool:
    """Whether a part is meant as a range: numbers with colons between them, the first in front."""
    first, colon, _ = text.partition(":")
    return bool(colon) and (not first.strip() or _read_number(first) is not None)


def _parse_range(text: str) -> Iterator[int | float]:
    """The numbers of a range, the last one included; steps are exact, not sums of floats.

    Raises:
        InputError: it is no range, has no end or never gets there.
    """
    parts = [part.strip() for part in text.split(":")]
    names = ("start", "end", "step")
    if len(parts) > len(names):
        raise InputError(f"'{text}' has {len(parts)} parts; {_FORM}")
    for name, part in zip(names, parts, strict=False):
        if not part:
            raise InputError(f"the range '{text}' has no {name}; {_FORM}")
        if _read_number(part) is None:
            raise InputError(f"'{part}' in the range '{text}' is no number; {_FORM}")
    numbers = [Decimal(part) for part in parts]
    is_whole = all(_is_integer(part) for part in parts)
    if len(numbers) == 2 and not is_whole:
        raise InputError(f"the range '{text}' has no step; {_FORM}")
    start, stop, step = numbers if len(numbers) == 3 else (*numbers, Decimal(1))
    if step == 0 or (stop - start) / step < 0:
        raise InputError(f"the range '{text}' never gets to its end; {_FORM}")
    count = (stop - start) / step
    _check_count(count + 1)
    for place in range(int(count) + 1):
        value = start + place * step
        yield int(value) if is_whole else float(value)


def _read_number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and math.isfinite(float(number)) else None


def _is_integer(text: str) -> bool:
    return text.lstrip("+-").isdigit()


def _parse_one(text: str) -> Any:
    try:
        return parse_value(text, "a value").plain()
    except SpecError as error:
        reasons = "; ".join(getattr(problem, "message", str(problem)) for problem in error.problems)
        raise InputError(f"'{text}' is no value: {reasons}") from None


def _is_in(value: Any, values: Sequence[Any]) -> bool:
    """Whether a value is there already; true is not 1, and 1 is not 1.0."""
    return any(type(value) is type(other) and value == other for other in values)


def _check_count(count: int | Decimal) -> None:
    if count > MAX_VALUES:
        raise InputError(f"there are more than {MAX_VALUES} values")
