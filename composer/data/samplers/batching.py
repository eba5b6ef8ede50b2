"""Batches of an order of records, and the shard of a process in inference."""

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


class InferenceSampler:
    """The shard of a process: consecutive records, none twice.

    The first processes get one more where the number does not divide.

    Args:
        size: number of records.
        rank: which process, from 0.
        world_size: number of processes.
    """

    def __init__(self, size: int, *, rank: int = 0, world_size: int = 1) -> None:
        share, rest = divmod(size, world_size)
        start = rank * share + min(rank, rest)
        self.positions = range(start, start + share + (rank < rest))

    def __len__(self) -> int:
        """The number of records of this process."""
        return len(self.positions)

    def __iter__(self) -> Iterator[int]:
        """Yields positions in the dataset."""
        return iter(self.positions)
