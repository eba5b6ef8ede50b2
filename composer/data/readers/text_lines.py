"""Text files of annotations, as lines and as tables."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from composer.data.faults import BadPart
from composer.text_files import TextFileError, read_text_file

_DELIMITERS = ",;\t|"
_NUMBER = re.compile(r"[-+]?\d*[.,]?\d+(?:[eE][-+]?\d+)?")
_COMMA = re.compile(r"[-+]?\d+,(\d+)(?:[eE][-+]?\d+)?")
_THOUSANDS = 3  # digits after each comma


def read_text(file: Path) -> str:
    """The content of a text file.

    Raises:
        BadPart: it cannot be read, is no text, or is too large.
    """
    try:
        return read_text_file(file)
    except OSError as error:
        raise BadPart("missing_file", f"{file}: cannot be read: {error.strerror}") from None
    except TextFileError as error:
        raise BadPart("malformed", f"{file}: {error}") from None


def read_table(file: Path) -> list[list[str]]:
    """The rows of a table whose columns are divided by commas, semicolons, tabs or bars.

    Raises:
        BadPart: it cannot be read, or is no text.
    """
    return parse_table(read_text(file).splitlines())


def parse_table(lines: Sequence[str]) -> list[list[str]]:
    """The rows of a table; blank lines are left out, and decimal commas become points.

    Raises:
        BadPart: it is no table.
    """
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadPart("malformed", f"it is no table: {error}") from None
    stripped = [[cell.strip() for cell in row] for row in rows]
    filled = [row for row in stripped if any(row)]
    places = _find_decimal_commas(filled, is_plain=delimiter != ",")
    if not places:
        return filled
    return [
        [_to_point(cell) if at in places else cell for at, cell in enumerate(row)] for row in filled
    ]


def _to_point(cell: str) -> str:
    return cell.replace(",", ".") if _COMMA.fullmatch(cell) else cell


def _find_decimal_commas(rows: Sequence[Sequence[str]], is_plain: bool) -> set[int]:
    """The places of columns of numbers some of which have a decimal comma.

    Args:
        rows: the first may be a header.
        is_plain: whether commas do not divide the columns; else 1,234 can be a thousand and more.
    """
    found = set()
    for place in range(max(map(len, rows[1:2]), default=0)):
        cells = [row[place] for row in rows[1:] if len(row) > place and row[place]]
        with_comma = [match for cell in cells if (match := _COMMA.fullmatch(cell))]
        is_sure = is_plain or any(len(match[1]) != _THOUSANDS for match in with_comma)
        if with_comma and is_sure and all(_NUMBER.fullmatch(cell) for cell in cells):
            found.add(place)
    return found
