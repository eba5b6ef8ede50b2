"""The order of training images: epoch after epoch, without end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch

from composer.errors import InputError
from composer.executor import derive_seed


class Sampler(Protocol):
    """An endless order of a dataset's records, the same one at every iteration."""

    def __iter__(self) -> Iterator[int]:
        """Yields positions in the dataset without end."""
        ...


class TrainingSampler:
    """Every record once an epoch, each epoch in an order of its own.

    Args:
        size: number of records.
        seed: what the orders follow from.
        shuffle: whether they are shuffled at all.

    Raises:
        InputError: there are no records.
    """

    def __init__(self, size: int, *, seed: int = 0, shuffle: bool = True) -> None:
        require_records(size)
        self.size = size
        self.seed = seed
        self.shuffle = shuffle

    def __iter__(self) -> Iterator[int]:
        """Yields positions in the dataset without end."""
        epoch = 0
        while True:
            if self.shuffle:
                yield from shuffled(self.size, self.seed, epoch)
            else:
                yield from range(self.size)
            epoch += 1


def shuffled(size: int, seed: int, epoch: int) -> list[int]:
    """The numbers below `size` in the order of one epoch."""
    generator = torch.Generator().manual_seed(derive_seed(seed, f"epoch/{epoch}"))
    order: list[int] = torch.randperm(size, generator=generator).tolist()
    return order


def require_records(size: int) -> None:
    """Refuses an endless order of no records.

    Raises:
        InputError: there are no records.
    """
    if size < 1:
        raise InputError("there is nothing to train on: the dataset has no records")
