"""The layout of tensors in memory, which results can depend on to the last bit.

A convolution of a map with its channels last adds up in another order than one of the same numbers
with the channels first, and a matrix product in another one where its operand begins elsewhere in
a line of the cache. So a tensor that is read again lies as the one lay that was written.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_LINE = 64  # bytes, the alignment of torch's own memory
_MOST_SPREAD = 4  # times its numbers that a tensor may span


class Layout(NamedTuple):
    """How a tensor lies in memory.

    Attributes:
        strides: its strides, in numbers.
        shift: bytes from the begin of a line of the cache to its first number.
    """

    strides: tuple[int, ...]
    shift: int


def find_layout(tensor: Tensor) -> Layout | None:
    """The layout of a tensor on the CPU; None for the usual one."""
    # Of sides of length one a stride says nothing of the numbers, but how they are read.
    is_usual = tensor.stride() == find_usual_strides(tuple(tensor.shape))
    shift = tensor.data_ptr() % _LINE if tensor.device.type == "cpu" else 0
    if (is_usual and not shift) or not tensor.numel():
        return None
    span = _span(tuple(tensor.shape), tensor.stride())
    strides = tensor.stride() if span <= _MOST_SPREAD * tensor.numel() else ()
    return Layout(strides, shift)


def lay_out(tensor: Tensor, layout: Layout | None) -> Tensor:
    """A copy of a tensor with a layout.

    Args:
        tensor: a contiguous one.
        layout: the layout; None for the usual one.

    Raises:
        ValueError: the layout does not fit.
    """
    if layout is None:
        return tensor.clone()
    size = tensor.element_size()
    strides = layout.strides or tensor.stride()
    if len(strides) != tensor.ndim or any(stride < 0 for stride in strides):
        raise ValueError(f"strides {strides} do not fit a tensor of {tuple(tensor.shape)}")
    span = _span(tuple(tensor.shape), strides)
    if span > _MOST_SPREAD * tensor.numel() or layout.shift % size or layout.shift >= _LINE:
        raise ValueError(f"a layout {layout} of {tuple(tensor.shape)}")
    room = torch.empty(span + 2 * _LINE // size, dtype=tensor.dtype)
    first = (layout.shift - room.data_ptr()) % _LINE // size
    made = room.as_strided(tuple(tensor.shape), strides, first)
    # Of numbers that lie on one another, each is written once.
    apart = tuple(slice(0, 1) if not stride else slice(None) for stride in strides)
    made[apart].copy_(tensor[apart])
    return made


def find_usual_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a new tensor."""
    return torch.empty(shape, device="meta").stride()


def _span(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """The numbers between the first and the last one of a tensor, both included."""
    return 1 + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
