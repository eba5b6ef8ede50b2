"""Text files of annotations, as lines and as tables."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from composer.data.faults import BadPart
from composer.text_files import TextEncodingError, read_text_file

_DELIMITERS = ",;\t|"


def read_text(file: Path) -> str:
    """The content of a text file.

    Raises:
        BadPart: it cannot be read, or is no text.
    """
    try:
        return read_text_file(file)
    except OSError as error:
        raise BadPart("missing_file", f"{file}: cannot be read: {error.strerror}") from None
    except TextEncodingError as error:
        raise BadPart("malformed", f"{file}: {error}") from None


def read_table(file: Path) -> list[list[str]]:
    """The rows of a table whose columns are divided by commas, semicolons, tabs or bars.

    Raises:
        BadPart: it cannot be read, or is no text.
    """
    return parse_table(read_text(file).splitlines())


def parse_table(lines: Sequence[str]) -> list[list[str]]:
    """The rows of a table; blank lines are left out.

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
    return [row for row in stripped if any(row)]
