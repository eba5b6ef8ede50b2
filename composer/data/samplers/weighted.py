"""An order that mixes datasets in given proportions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

import torch

from composer.data.samplers.training import TrainingSampler
from composer.errors import InputError
from composer.executor import derive_seed

_BLOCK = 4096  # draws at a time; it decides which numbers are drawn, so it stays


class WeightedSampler:
    """Takes each next record from a dataset that is drawn, and within it from its own order.

    So a small dataset can be seen as often as a large one, and no record comes again before all
    others of its dataset have come.

    Args:
        sizes: number of records of each dataset, in the order in which they are joined.
        weights: for each how likely it is to be drawn, in proportion to the others.
        seed: what the orders follow from.

    Raises:
        InputError: a dataset that can be drawn is empty, or the weights do not fit.
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
