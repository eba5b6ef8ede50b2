"""Batches of an order of records, and the shard of a process in inference."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from composer.data.samplers.training import shuffled


class Ticket(NamedTuple):
    """A training sample in a sampler's order.

    Args:
        position: its number in that order, from 0. With the seed it determines augmentations.
        record: position of its record in the dataset.
    """

    position: int
    record: int


def make_batches(
    order: Iterable[int], batch_size: int, groups: Sequence[int] | None = None
) -> Iterator[list[Ticket]]:
    """Cuts an order into batches.

    Args:
        order: positions of records, usually without end.
        batch_size: samples per batch; an incomplete last batch is dropped.
        groups: the group of each record; a batch has records of one group, and is yielded when it
            is full. None batches consecutive records.
    """
    waiting: dict[int, list[Ticket]] = {}
    for position, index in enumerate(order):
        group = 0 if groups is None else groups[index]
        batch = waiting.setdefault(group, [])
        batch.append(Ticket(position, index))
        if len(batch) == batch_size:
            yield waiting.pop(group)


def repeat_batches(
    order: Iterable[int],
    num_samples: int,
    batch_size: int,
    groups: Sequence[int] | None = None,
    *,
    seed: int = 0,
    start: int = 0,
) -> Iterator[list[Ticket]]:
    """Cuts the beginning of an order into batches, which come again and again without end.

    They come in another order each time. A batch that is incomplete at the end of the beginning is
    filled with the first samples of its group.

    Args:
        order: positions of records.
        num_samples: samples of the beginning.
        batch_size: samples per batch.
        groups: the group of each record, as for `make_batches`.
        seed: of the order of the batches.
        start: the number of batches that are left out.
    """
    batches = list(_fill_batches(list(islice(order, num_samples)), batch_size, groups))
    first_round, skipped = divmod(start, len(batches))
    for number in itertools.count(first_round):
        # The first round has the order of the sampler.
        count = len(batches)
        places = shuffled(count, seed, number) if number else range(count)
        yield from (batches[place] for place in places[skipped:])
        skipped = 0


def _fill_batches(
    order: Sequence[int], batch_size: int, groups: Sequence[int] | None
) -> Iterator[list[Ticket]]:
    tickets: dict[int, list[Ticket]] = {}
    for position, index in enumerate(order):
        group = 0 if groups is None else groups[index]
        tickets.setdefault(group, []).append(Ticket(position, index))
    full = [
        [each[(start + offset) % len(each)] for offset in range(batch_size)]
        for each in tickets.values()
        for start in range(0, len(each), batch_size)
    ]
    yield from sorted(full, key=lambda batch: max(ticket.position for ticket in batch))


def group_by_shape(sizes: Iterable[tuple[int, int]]) -> list[int]:
    """Groups images so that a batch needs little padding: 0 for wide ones, 1 for all others.

    Args:
        sizes: (height, width) of each image.
    """
    return [0 if width > height else 1 for height, width in sizes]


class InferenceSampler:
    """Yields the shard of a process: consecutive records, without repetition.

    If the number does not divide, the first processes have one more.

    Args:
        size: number of records.
        rank: rank of the process.
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
