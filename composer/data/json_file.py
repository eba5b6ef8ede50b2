"""JSON files of annotations, results and proposals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from composer.errors import DataError


def load_json(file: Path) -> Any:
    """Reads a JSON document of any form.

    Raises:
        DataError: there is no such file, or it is not JSON.
    """
    try:
        with file.open(encoding="utf-8") as stream:
            return json.load(stream)
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}: not JSON: {error}") from None


def read_json(file: Path, keys: Sequence[str]) -> Mapping[str, Any]:
    """Reads a JSON document that is a mapping with lists under some keys.

    Args:
        file: where it is.
        keys: what must be there.

    Raises:
        DataError: there is no such file, it is not JSON, or a key is missing.
    """
    document = load_json(file)
    if not isinstance(document, Mapping):
        raise DataError(f"{file}: expected a mapping with the keys {', '.join(keys)}")
    for key in keys:
        if not isinstance(document.get(key), list):
            found = ", ".join(sorted(map(str, document))[:12])
            raise DataError(f"{file}: there is no list '{key}'; the keys are: {found}")
    return document
