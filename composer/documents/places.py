"""Places in documents, which messages point at."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

_LONGEST = 160  # characters of a line that are shown
_LONGEST_POINTER = 200  # characters of a position, which a text of `--set` is, too
_CONTEXT = 60  # of those, how many may stand before the stretch
_CELLS = {"W": 2, "F": 2}


class Place(NamedTuple):  # a document has thousands, and a dataclass takes three times as long
    """A stretch of one line of a source.

    Attributes:
        source: the file as the user named it, or `--set`, or `<dict>`.
        line: line number from 1, or 0 where the source has no lines.
        column: column number from 1.
        width: number of characters pointed at.
        text: the whole line.
        pointer: dotted position inside the document, for sources without lines.
    """

    source: str
    line: int = 0
    column: int = 0
    width: int = 1
    text: str = ""
    pointer: str = ""

    def __str__(self) -> str:
        if self.line:
            return f"{self.source}:{self.line}:{self.column}"
        pointer = self.pointer
        if len(pointer) > _LONGEST_POINTER:
            half = _LONGEST_POINTER // 2
            pointer = f"{pointer[:half]}...{pointer[-half:]}"
        return f"{self.source} {pointer}".rstrip()

    def excerpt(self) -> str:
        """The line with a marker below the stretch, or nothing where there are no lines."""
        if not self.line:
            return ""
        start = self.column - 1
        cut = max(0, start - _CONTEXT) if len(self.text) > _LONGEST else 0
        shown = self.text[cut : cut + _LONGEST].replace("\t", " ")
        before, marked = shown[: start - cut], shown[start - cut :][: self.width]
        margin = f"  {self.line:>4} | " + ("..." if cut else "")
        marker = " " * (len(margin) + _cells(before)) + "^" * max(1, _cells(marked))
        more = "..." if len(self.text) > cut + _LONGEST else ""
        return f"{margin}{shown}{more}\n{marker}"


def _cells(text: str) -> int:
    """The number of terminal columns of a text."""
    return sum(_CELLS.get(unicodedata.east_asian_width(c), 1) for c in text if _is_spacing(c))


def _is_spacing(character: str) -> bool:
    return unicodedata.category(character) not in ("Mn", "Me", "Cf")
