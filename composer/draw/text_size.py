"""Estimates the width of text in any font: widths of a usual sans-serif, rounded up."""

from __future__ import annotations

_NARROW = set("ijl.,:;'|!()[]/ ")
_SLIM = set('frt-"_')
_WIDE = set("mwMW@%")


def text_width(text: str, size: float) -> float:
    """The width of a line of text in pixels.

    Args:
        text: the line.
        size: the font's size in pixels.
    """
    return sum(_relative_width(character) for character in text) * size


def shorten(text: str, size: float, width: float) -> str:
    """The text, cut with an ellipsis where it would be wider than `width` pixels."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _relative_width(character: str) -> float:
    if character in _NARROW:
        return 0.32
    if character in _SLIM:
        return 0.46
    if character in _WIDE:
        return 0.9
    return 0.7 if character.isupper() else 0.59
