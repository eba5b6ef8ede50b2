"""What a job computes: the rows of images, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from composer.row_files import Column, ImageRows


class RowSource(Protocol):
    """Makes rows of images."""

    @property
    def graph(self) -> Any:
        """The model."""
        ...

    def find_columns(self) -> tuple[Column, ...]:
        """The columns of all rows."""
        ...

    def collect(self, image: Any, number: int = 0, name: str | None = None) -> ImageRows:
        """The rows of one image; of one that cannot be read, the error.

        Args:
            image: its name, its address, or the content of its file.
            number: its place in the list.
            name: of a content.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """What is computed, with which weights and options: two sources of one give equal rows."""
        ...

    def describe_file(self, columns: tuple[Column, ...]) -> Mapping[str, str]:
        """The metadata of files of the rows."""
        ...
