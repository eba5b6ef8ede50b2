"""Files in COCO's results format (https://cocodataset.org/#format-results): a list of entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from composer.data.faults import BadPart
from composer.data.json_file import load_json
from composer.errors import DataError, InputError

T = TypeVar("T")


def read_entries(file: Path, read: Callable[[Mapping[str, Any]], T], wanted: str) -> list[T]:
    """What is made of every entry of a file.

    Args:
        file: the file.
        read: makes something of an entry. Where it fails, the entry is malformed.
        wanted: what an entry has to have, in words.

    Raises:
        DataError: the file cannot be read or is no list, or an entry is malformed.
    """
    entries = load_json(file)
    if not isinstance(entries, list):
        raise DataError(
            f"{file}: expected a list of entries in COCO's results format, not a "
            f"{type(entries).__name__}"
        )
    found = []
    for at, entry in enumerate(entries):
        try:
            found.append(read(entry))
        except (InputError, BadPart) as error:
            raise DataError(f"{file}: entry {at}: {error}") from error
        except (KeyError, TypeError, ValueError, IndexError) as error:
            fault = f"has no {error}" if isinstance(error, KeyError) else f"is malformed: {error}"
            message = f"entry {at} {fault}. It needs {wanted}: {entry!r:.80}"
            raise DataError(f"{file}: {message}") from error
    return found
