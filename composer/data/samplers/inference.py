"""The order of evaluation: every record once, sharded over processes."""

from __future__ import annotations

from collections.abc import Iterator


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
