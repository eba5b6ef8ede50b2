"""Batches of an order of records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple


class Ticket(NamedTuple):
    """One place in the order of training samples.

    Args:
        position: its number in that order, from 0. With the seed it decides what augmentations do.
        record: what is seen there, by its position in the dataset.
    """

    position: int
    record: int


def make_batches(
    order: Iterable[int], batch_size: int, groups: Sequence[int] | None = None
) -> Iterator[list[Ticket]]:
    """Cuts an order into batches.

    Args:
        order: positions of records, usually without end.
        batch_size: how many a batch has. What is left of a finite order is dropped.
        groups: for each record the group it belongs to; a batch holds one group only, and comes
            when it is full. None puts every record with its neighbours in the order.
    """
    waiting: dict[int, list[Ticket]] = {}
    for position, index in enumerate(order):
        group = 0 if groups is None else groups[index]
        batch = waiting.setdefault(group, [])
        batch.append(Ticket(position, index))
        if len(batch) == batch_size:
            yield waiting.pop(group)


def group_by_shape(sizes: Iterable[tuple[int, int]]) -> list[int]:
    """Groups images so that a batch needs little padding: 0 for wide ones, 1 for all others.

    Args:
        sizes: (height, width) of each image.
    """
    return [0 if width > height else 1 for height, width in sizes]
