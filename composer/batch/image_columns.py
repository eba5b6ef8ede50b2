"""The images of a batch of arrays: by name, as contents of files, or as pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from composer.errors import InputError

CONTENTS = ("bytes", "content")
NAMES = ("path", "file_name", "item")
PIXELS = "image"
_ERROR = "error"


class BatchImage(NamedTuple):
    """An image of a batch.

    Args:
        source: its pixels, content or name.
        name: its name, or None.
        error: why it could not be read, or None.
    """

    source: Any
    name: str | None
    error: str | None


def read_images(batch: Mapping[str, Any]) -> Iterator[BatchImage]:
    """The images of a batch, in order.

    Raises:
        InputError: the batch has no column of images.
    """
    column = find_source(batch)
    names = next((batch[name] for name in NAMES if name in batch), None)
    errors = batch.get(_ERROR)
    for place, source in enumerate(batch[column]):
        name = None if names is None else _to_text(names[place])
        error = None if errors is None else (_to_text(errors[place]) or None)
        yield BatchImage(_to_source(source), name, error)


def find_source(batch: Mapping[str, Any]) -> str:
    """The column that images are read from.

    Raises:
        InputError: there is none.
    """
    if PIXELS in batch and not is_number(batch[PIXELS]):
        return PIXELS
    for name in (*CONTENTS, *NAMES):
        if name in batch:
            return name
    raise InputError(
        f"a batch has images in a column 'image' (pixels), 'bytes' or 'path'; this one has "
        f"{', '.join(map(repr, batch)) or 'no columns'}"
    )


def find_kept(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that rows take over: all but those of images and of what rows have anew."""
    used = {find_source(batch), *CONTENTS, *NAMES, "height", "width", _ERROR}
    return {name: column for name, column in batch.items() if name not in used}


def is_number(column: Any) -> bool:
    """Whether a column has a whole number for each image, and not its pixels."""
    array = column if isinstance(column, np.ndarray) else np.asarray(column, dtype=object)
    return array.ndim == 1 and all(isinstance(one, (int, np.integer)) for one in array[:1])


def _to_source(value: Any) -> Any:
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    return str(value) if isinstance(value, str) else value  # numpy's texts are others


def _to_text(value: Any) -> str | None:
    if value is None or isinstance(value, float):  # pandas has NaN where there is nothing
        return None
    return str(value)
