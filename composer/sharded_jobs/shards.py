"""Shards of a list: consecutive parts of nearly the same length."""

from __future__ import annotations

import re
from dataclasses import dataclass

from composer.errors import InputError

_SHARD = re.compile(r"(\d{1,6})/(\d{1,6})")


@dataclass(frozen=True)
class ShardChoice:
    """The shards of a job, and those that this process does.

    Args:
        count: the number of shards.
        only: the one that this process does; None for all, one after the other.
    """

    count: int
    only: int | None = None

    @property
    def numbers(self) -> range:
        """The shards that this process does."""
        return range(self.count) if self.only is None else range(self.only, self.only + 1)


def parse_shard(text: str) -> ShardChoice:
    """Reads `i/n`: shard i of n, counted from 0.

    Raises:
        InputError: it has another form, or there is no such shard.
    """
    match = _SHARD.fullmatch(text.strip())
    if match is None:
        raise InputError(f"'{text}' is no shard: i/n, such as 0/16, counts from 0")
    index, count = int(match[1]), int(match[2])
    if index >= count:
        last = (
            f"shards of {count} are 0/{count} to {count - 1}/{count}" if count else "n is 1 or more"
        )
        raise InputError(f"there is no shard {index}/{count}: {last}")
    return ShardChoice(count, index)


def shard_range(index: int, count: int, total: int) -> range:
    """The places of a list of `total` entries that belong to a shard."""
    return range(index * total // count, (index + 1) * total // count)


def name_shard(index: int, count: int) -> str:
    """The beginning of the names of a shard's files: `part-00003-of-00016`."""
    return f"part-{index:05d}-of-{count:05d}"
