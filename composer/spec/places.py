"""Where in a spec something stands, so that a message can point at it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A stretch of one line of a source.

    Args:
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
        return f"{self.source} {self.pointer}".rstrip()

    def excerpt(self) -> str:
        """The line with a marker below the stretch, or nothing where there are no lines."""
        if not self.line:
            return ""
        margin = f"  {self.line:>4} | "
        marker = " " * (len(margin) + self.column - 1) + "^" * max(1, self.width)
        return f"{margin}{self.text}\n{marker}"
