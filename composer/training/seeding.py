"""Random seeds: every batch has its own.

So random numbers do not depend on earlier ones: resuming needs no generator states, and an
evaluation in between changes nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from composer.executor import derive_seed

_LARGEST_OF_NUMPY = 2**32


def batch_seed(seed: int, batch: int, rank: int) -> int:
    """The seed for one batch on one process.

    Args:
        seed: the seed of the training.
        batch: number of the batch, from 0.
        rank: rank of the process.
    """
    return derive_seed(seed, f"batch {batch} of process {rank}")


def seed_generators(seed: int) -> None:
    """Seeds the global generators of torch, numpy and Python."""
    torch.manual_seed(seed)
    np.random.seed(seed % _LARGEST_OF_NUMPY)
    random.seed(seed)


@contextmanager
def deterministic_operations(enabled: bool) -> Iterator[None]:
    """Makes nondeterministic operations errors within the `with` block, if enabled."""
    before = torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    if enabled:
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=only_warned)


@contextmanager
def kept_generators() -> Iterator[None]:
    """Restores the global generators after the `with` block."""
    of_numpy, of_python = np.random.get_state(), random.getstate()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        np.random.set_state(of_numpy)
        random.setstate(of_python)
