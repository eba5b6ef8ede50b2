"""What a trainer wants of the batches that it learns from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

Batch = Sequence[dict[str, Any]]


class SeededBatch(NamedTuple):
    """A batch, and the seed of all that is drawn while it is learnt from."""

    batch: Batch
    seed: int


class Batches(Protocol):
    """Batches without end, which are the same from any position on each time.

    Attributes:
        position: how many batches were given.
    """

    position: int

    def __iter__(self) -> Iterator[Batch]:
        """The batches from the position on."""

    def seek(self, position: int) -> None:
        """Goes to a position, of which the next iteration begins."""


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
