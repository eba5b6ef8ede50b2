"""Seeds of runs."""

from __future__ import annotations

import torch

from composer.errors import InputError


def check_seed(seed: object) -> None:
    """Makes sure that a seed is a whole number or None.

    Raises:
        InputError: if it is not.
    """
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
        raise InputError(f"a seed is a whole number, not {type(seed).__name__} {seed!r:.40}")


def draw_seed() -> int:
    """A seed from torch's global generator: another one each time, the same after a manual seed."""
    return int(torch.empty((), dtype=torch.int64).random_())
