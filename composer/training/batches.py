"""The protocol of training batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

Batch = Sequence[dict[str, Any]]


class SeededBatch(NamedTuple):
    """A batch, and the seed of everything random in its step."""

    batch: Batch
    seed: int


class Batches(Protocol):
    """Endless batches that are reproducible from any position.

    Attributes:
        position: number of batches returned.
    """

    position: int

    def __iter__(self) -> Iterator[Batch]:
        """Iterates from the position."""

    def seek(self, position: int) -> None:
        """Sets the position."""


def name_images(batch: Batch) -> str:
    """The images of a batch for messages: their ids and file names."""
    return ", ".join(_name(record, number) for number, record in enumerate(batch)) or "none"


def _name(record: dict[str, Any], number: int) -> str:
    image, file = record.get("image_id"), record.get("file_name")
    if image is None and file is None:
        return f"number {number} of the batch"
    return " ".join(
        str(part) for part in (image, f"({file})" if file else None) if part is not None
    )
