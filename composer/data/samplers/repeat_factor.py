"""Repeat factor sampling: images of rare classes are repeated."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import torch

from composer.data.records import Record
from composer.data.samplers.training import require_records
from composer.executor import derive_seed


class RepeatFactorSampler:
    """Repeats each image as often as its factor says, on average over epochs.

    A factor of 1.3 makes an image come once in an epoch and, in three of ten epochs, twice; which
    ones is drawn anew for each epoch (Gupta et al. 2019, LVIS, section 5).

    Args:
        factors: for each record, how often it comes in an epoch; see `find_repeat_factors`.
        seed: what the orders follow from.

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
