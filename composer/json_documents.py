"""JSON documents on somebody's disk: those that this package writes, and headers of checkpoints.

They may be damaged, exchanged for a pipe, or made by somebody else. Python's reader raises
`RecursionError` for brackets in brackets, so a list of its exceptions is easily too short; here
all that is wrong with a document is a `ValueError`.
"""

from __future__ import annotations

import json
import os
from typing import Any

from composer.regular_files import open_regular_file

_LARGEST = 64 * 2**20  # bytes


def read_json_document(path: str | os.PathLike[str], *, largest: int = _LARGEST) -> Any:
    """Reads a document of a file.

    Args:
        path: the file.
        largest: bytes that it may have.

    Raises:
        OSError: there is no regular file that can be read.
        ValueError: it is too large, or no JSON; the message does not name the file.
    """
    with open_regular_file(path) as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"it has more than {largest} bytes")
    return parse_json_document(content)


def parse_json_document(content: str | bytes, *, is_strict: bool = False) -> Any:
    """Parses a document.

    Args:
        content: the document.
        is_strict: whether bytes must be UTF-8, and the keys of an object differ. Otherwise UTF-16
            and UTF-32 are recognised, and the last of equal keys counts, as in Python.

    Raises:
        ValueError: it is no JSON, nested too deep, or has a number of thousands of digits.
    """
    try:
        if is_strict:
            text = content.decode() if isinstance(content, bytes) else content
            return json.loads(text, object_pairs_hook=_unlike)
        return json.loads(content)
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no text in UTF-8 from byte {error.start} on") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON from character {error.pos} on") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except _TwiceError as error:
        raise ValueError(str(error)) from None
    except ValueError:
        raise ValueError("a number has too many digits") from None


class _TwiceError(ValueError):
    """A key of an object occurs twice."""


def _unlike(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, whose keys may not occur twice."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(f"the key '{key:.80}' occurs twice")
        found[key] = value
    return found
