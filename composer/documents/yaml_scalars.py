"""The values of plain scalars by the core schema of YAML 1.2 (section 10.3)."""

from __future__ import annotations

import re

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_FIRST = frozenset("0123456789+-.~nNtTfF")  # of everything that is no text
_MAX_BITS = 1024  # of a whole number: what a float reaches
_MAX_DIGITS = 4000  # Python refuses to read more than 4300

Scalar = bool | int | float | str | None


def read_scalar(text: str) -> Scalar:
    """The value of a plain scalar.

    Raises:
        ValueError: it is a whole number beyond all measure.
    """
    if text and text[0] not in _FIRST:
        return text
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return _read_integer(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text.replace(".", "", 1))
    return text


def is_measurable(number: int) -> bool:
    """Whether a whole number is small enough for a document."""
    return number.bit_length() <= _MAX_BITS


def _read_integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError("too many digits")
    number = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if not is_measurable(number):
        raise ValueError("too large")
    return number
