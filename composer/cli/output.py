"""Text that commands print: columns, counts and notes."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from composer.escapes import escape_name
from composer.files import without_infinities

_GAP = 2


def print_columns(rows: Sequence[Sequence[str]], indent: int = 0) -> None:
    """Prints rows with aligned columns; the last cell is wrapped.

    Args:
        rows: the rows; all have as many cells.
        indent: blanks before each line.
    """
    rows = [[*map(escape_name, cells), last] for *cells, last in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    start = indent + sum(widths[:-1]) + _GAP * (len(widths) - 1)
    room = max(terminal_width() - start, 30)
    for *cells, last in rows:
        padded = [f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=False)]
        lines = _wrap(last, room) or [""]
        head = " " * indent + (" " * _GAP).join([*padded, lines[0]])
        click.echo(head.rstrip())
        for line in lines[1:]:
            click.echo(" " * start + line)


def try_writing(write: Callable[[], list[Path]]) -> tuple[list[Path], OSError | None]:
    """Writes files of results that took long to compute.

    Args:
        write: writes them; the files.

    Returns:
        The files, and an error to raise once the results are printed: a full disk loses no others.
    """
    try:
        return write(), None
    except OSError as error:
        return [], error


def print_notes(notes: Iterable[str]) -> None:
    """Prints each note on a line of the standard error."""
    for note in notes:
        click.echo(note, err=True)


def format_json(value: Any, *, indent: int | None = 2) -> str:
    """A value as a JSON document; null stands for numbers that JSON does not have.

    Args:
        value: plain values.
        indent: spaces for each level; None writes one line.
    """
    return json.dumps(without_infinities(value), indent=indent, allow_nan=False)


def terminal_width() -> int:
    """Columns of the terminal; 100 where there is none."""
    return shutil.get_terminal_size((100, 24)).columns


def count_things(count: int, noun: str, ending: str = "s") -> str:
    """`1 image`, `3 images`, `2 classes`.

    Args:
        count: the number of things.
        noun: the singular.
        ending: the ending of the plural.
    """
    return f"{count} {noun}{'' if count == 1 else ending}"


def _wrap(text: str, width: int) -> list[str]:
    """The lines of a text; names with a hyphen stay in one piece, so that they can be copied."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
