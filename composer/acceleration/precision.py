"""Casts of values between nodes of different precision."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from composer.structures import ImageList, iterate_tensors, map_tensors

PRECISIONS: dict[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def cast_down(value: Any, dtype: torch.dtype) -> Any:
    """A value with its float32 tensors in a lower precision.

    Tensors, lists, mappings and images are cast; boxes, instances and other structures are not,
    for coordinates of bfloat16 are off by pixels.
    """
    if isinstance(value, Tensor):
        return value.to(dtype) if value.dtype == torch.float32 else value
    if isinstance(value, ImageList):
        return value.map_tensors(lambda tensor: cast_down(tensor, dtype))
    if isinstance(value, dict):
        return {key: cast_down(member, dtype) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        members = [cast_down(member, dtype) for member in value]
        if isinstance(value, list):
            return members
        return type(value)(*members) if hasattr(value, "_fields") else tuple(members)
    return value


def cast_up(value: Any) -> Any:
    """A value with its bfloat16 tensors in float32; itself if it has none."""
    if all(tensor.dtype != torch.bfloat16 for tensor in iterate_tensors(value)):
        return value
    return map_tensors(
        lambda tensor: tensor.float() if tensor.dtype == torch.bfloat16 else tensor, value
    )
