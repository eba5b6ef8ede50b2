"""Weights that are not finite numbers: a model with one of them predicts nothing."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def find_nonfinite(
    assignment: Mapping[str, Mapping[str, Tensor]], prefix_of: Mapping[str, str]
) -> dict[str, tuple[int, int]]:
    """The tensors with NaN or infinite numbers: key -> how many there are, and of how many.

    Args:
        assignment: node path -> name within the node -> the tensor to load.
        prefix_of: node path -> the prefix of its keys.
    """
    found = {}
    for path, tensors in assignment.items():
        for name, tensor in tensors.items():
            if count := count_nonfinite(tensor):
                found[prefix_of[path] + name] = (count, tensor.numel())
    return found


def count_nonfinite(tensor: Tensor) -> int:
    """The number of NaN and infinite numbers in a tensor."""
    if tensor.is_meta or not (tensor.is_floating_point() or tensor.is_complex()):
        return 0
    if tensor.element_size() == 1:  # isfinite has no kernel for 8 bits
        tensor = tensor.float()
    finite = torch.isfinite(tensor)
    return 0 if finite.all() else int(finite.logical_not().sum())
