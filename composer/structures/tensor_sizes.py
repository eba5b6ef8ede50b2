"""Sizes of tensors that are about to be made."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from composer.memory import check_allocation


def check_size(like: Tensor, shape: Sequence[int], what: str) -> None:
    """Refuses a tensor that is larger than the memory at hand, before it is made.

    Tensors of other devices than the CPU are not looked at, nor are those of a compiled graph.

    Args:
        like: a tensor of the same device and kind of number.
        shape: the shape of the tensor to be made.
        what: what it is, as the beginning of the message: `2 images, padded to 64 x 64,`.

    Raises:
        MemoryShortageError: as said; nothing was reserved.
    """
    if like.device.type == "cpu" and not torch.compiler.is_compiling():
        check_allocation(prod(shape) * like.element_size(), what)
