"""Endless orders of training images: by epochs, with rare classes repeated, or mixed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Protocol

import torch

from composer.data.records import Record
from composer.errors import InputError
from composer.executor import derive_seed


class Sampler(Protocol):
    """An endless, reproducible order of the records of a dataset."""

    def __iter__(self) -> Iterator[int]:
        """Yields positions in the dataset without end."""
        ...


class TrainingSampler:
    """Yields every record once an epoch, shuffled anew for each epoch.

    Args:
        size: number of records.
        seed: seed of the orders.
        shuffle: shuffle the records; otherwise they are in order.

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
    """Shuffles the numbers below `size` for one epoch."""
    generator = torch.Generator().manual_seed(derive_seed(seed, f"epoch/{epoch}"))
    order: list[int] = torch.randperm(size, generator=generator).tolist()
    return order


def require_records(size: int) -> None:
    """Checks that there are records.

    Raises:
        InputError: there are no records.
    """
    if size < 1:
        raise InputError("there is nothing to train on: the dataset has no records")


class RepeatFactorSampler:
    """Repeats each image by its factor, on average over epochs.

    With a factor of 1.3 an image occurs once in an epoch and, in three of ten epochs, twice; these
    are drawn for each epoch (Gupta et al. 2019, LVIS, section 5).

    Args:
        factors: repetitions of each record per epoch; see `find_repeat_factors`.
        seed: seed of the orders.

    Raises:
        InputError: there are no records.
    """

    def __init__(self, factors: Sequence[float], *, seed: int = 0) -> None:
        require_records(len(factors))
        self.factors = torch.tensor(factors, dtype=torch.float64)
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        """Yields positions in the dataset without end."""
        whole = self.factors.floor()
        rest = self.factors - whole
        epoch = 0
        while True:
            generator = torch.Generator()
            generator.manual_seed(derive_seed(self.seed, f"repeats/{epoch}"))
            drawn = torch.rand(len(rest), generator=generator, dtype=torch.float64)
            repeats = (whole + (drawn < rest)).long()
            entries = torch.arange(len(repeats)).repeat_interleave(repeats)
            yield from entries[torch.randperm(len(entries), generator=generator)].tolist()
            epoch += 1


def find_repeat_factors(records: Iterable[Record], threshold: float) -> list[float]:
    """The repeat factor of each image, from the frequencies of its classes.

    A class that is on a share f of the images has the factor max(1, sqrt(threshold / f)); an image
    has the largest factor of its classes (Gupta et al. 2019, section 5).

    Args:
        records: the images.
        threshold: share of the images below which a class counts as rare.
    """
    classes = [{a.category for a in record.annotations} for record in records]
    counts = Counter(category for found in classes for category in found)
    factors = {
        category: max(1.0, math.sqrt(threshold * len(classes) / count))
        for category, count in counts.items()
    }
    return [max((factors[category] for category in found), default=1.0) for found in classes]


_BLOCK = 4096  # draws at a time; another number would change the order


class WeightedSampler:
    """Draws a dataset for each sample, and takes the next record in its shuffled order.

    A small dataset can be sampled as often as a large one, and no record is repeated before all
    others of its dataset were taken.

    Args:
        sizes: number of records of each dataset, in the order in which they are joined.
        weights: sampling weight of each dataset.
        seed: seed of the draws.

    Raises:
        InputError: a dataset with a weight is empty, or the weights are invalid.
    """

    def __init__(self, sizes: Sequence[int], weights: Sequence[float], *, seed: int = 0) -> None:
        if len(sizes) != len(weights):
            raise InputError(f"there are {len(weights)} weights for {len(sizes)} datasets")
        if min(weights, default=0) < 0 or sum(weights) <= 0:
            raise InputError("weights are not negative, and one of them is more than 0")
        self.sizes = list(sizes)
        self.weights = torch.tensor(weights, dtype=torch.float64)
        self.seed = seed
        self.parts = {
            index: TrainingSampler(size, seed=derive_seed(seed, f"dataset/{index}"))
            for index, size in enumerate(sizes)
            if weights[index] > 0
        }

    def __iter__(self) -> Iterator[int]:
        """Yields positions in the joined dataset without end."""
        starts = list(accumulate(self.sizes, initial=0))
        orders = {index: iter(part) for index, part in self.parts.items()}
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "datasets"))
        while True:
            drawn = torch.multinomial(self.weights, _BLOCK, replacement=True, generator=generator)
            for index in drawn.tolist():
                yield starts[index] + next(orders[index])
