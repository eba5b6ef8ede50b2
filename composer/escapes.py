"""Text from strangers, such as file names and errors of plugins, as messages show it.

It has no characters that act on a terminal, and no words without an end.
"""

from __future__ import annotations

import re

# Controls but tab and line feed, marks of direction, separators of lines, and lone surrogates.
_UNPRINTABLE = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_STYLES = re.compile("\x1b\\[[0-9;]*m")  # colours of a terminal
_OF_LINES = re.compile("[\t\n]")
_BYTES = range(0xDC80, 0xDD00)  # surrogates that stand for bytes of names that are not UTF-8
_LONGEST = 300  # characters of a word in a message; paths of files have fewer
_LONG_WORD = re.compile(rf"\S{{{_LONGEST + 1},}}")
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def escape_controls(text: str) -> str:
    """A text with its control characters as escapes; tabs and line feeds stay."""
    return _UNPRINTABLE.sub(_escape, text)


def escape_name(name: object) -> str:
    """A name on one line, with its control characters as escapes."""
    return _OF_LINES.sub(_escape, escape_controls(str(name)))


def describe_error(error: BaseException, *, with_kind: bool = True) -> str:
    """An error of somebody else's code on one line, without a terminal's colours.

    Args:
        error: the error, which may be unable to describe itself.
        with_kind: whether the type comes first; it stands alone where there is no message.
    """
    kind = type(error).__name__
    try:
        text = " ".join(_STYLES.sub("", str(error)).split())
    except Exception:
        return kind
    return f"{kind}: {text}" if text and with_kind else text or kind


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] in _SHORT:
        return _SHORT[found[0]]
    if code in _BYTES:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def shorten_words(text: str) -> str:
    """A text without the middle of words that nobody reads to their end.

    Numbers of thousands of digits, and paths and names of thousands of letters, are such.
    """
    return _LONG_WORD.sub(_shorten, text)


def _shorten(found: re.Match[str]) -> str:
    half = _LONGEST // 3
    return f"{found[0][:half]}...{found[0][-half:]}"
