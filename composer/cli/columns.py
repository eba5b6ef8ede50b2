"""Text in columns."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

import click

_GAP = 2


def print_columns(rows: Sequence[Sequence[str]], indent: int = 0) -> None:
    """Prints rows with their cells below each other; the last cell is wrapped.

    Args:
        rows: the rows; all have as many cells.
        indent: blanks before each line.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    start = indent + sum(widths[:-1]) + _GAP * (len(widths) - 1)
    room = max(shutil.get_terminal_size((100, 24)).columns - start, 30)
    for *cells, last in rows:
        padded = [f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=False)]
        lines = _wrapped(last, room) or [""]
        head = " " * indent + (" " * _GAP).join([*padded, lines[0]])
        click.echo(head.rstrip())
        for line in lines[1:]:
            click.echo(" " * start + line)


def _wrapped(text: str, width: int) -> list[str]:
    """The lines of a text; names with a hyphen stay in one piece, so that they can be copied."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
