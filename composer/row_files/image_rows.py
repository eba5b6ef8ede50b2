"""The rows of one image: what is known of an image, of its regions, or of its detections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class ImageRows:
    """The rows of one image, column by column.

    Args:
        image: its number in what was given, from 0.
        file_name: its file, or None.
        height: of the image, upright; None if it could not be read.
        width: likewise.
        length: the number of rows.
        columns: each a tensor with one entry a row, or a list of tensors, texts or lists of texts.
        lists: the columns that have, for a row, entries of any number.
        error: why there are no rows, or None.
    """

    image: int
    file_name: str | None
    height: int | None = None
    width: int | None = None
    length: int = 0
    columns: Mapping[str, Any] = field(default_factory=dict)
    lists: frozenset[str] = frozenset()
    error: str | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rows, each a dict by column; of an image with an error, one that says it."""
        about = {
            "image": self.image,
            "file_name": self.file_name,
            "height": self.height,
            "width": self.width,
        }
        if self.error is not None:
            yield {**about, "error": self.error}
        for row in range(self.length):
            values = {name: _to_plain(column[row]) for name, column in self.columns.items()}
            yield {**about, **values, "error": None}


def _to_plain(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor) and value.ndim == 0 else value
