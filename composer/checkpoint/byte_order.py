"""Order of bytes in files of tensors."""

import torch
from torch import Tensor


def swap_bytes(data: Tensor, dtype: torch.dtype) -> None:
    """Swaps the bytes of each number of a tensor, in place.

    Args:
        data: a tensor with memory of its own.
        dtype: the type of the numbers in it.
    """
    data.untyped_storage().byteswap(dtype)  # type: ignore[no-untyped-call]
