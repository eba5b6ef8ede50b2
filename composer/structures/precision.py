"""Precision of computations."""

import torch
from torch import Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """Returns values in float32, in which coordinates and losses are exact enough.

    Args:
        values: of any precision; float64 is kept.
    """
    return values if values.dtype == torch.float64 else values.float()
