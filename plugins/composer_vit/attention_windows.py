"""Cuts maps into square windows, within which attention works, and puts them together again.

Sides are written as a number of windows times their size, from which compilers of programs for any
size see by themselves that windows fit; remainders of sizes take them minutes.

Legend: N images, H W height and width, W2 windows of all images, S side of a window, C channels.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def count_windows(side: int, size: int) -> int:
    """Returns how many windows cover a side.

    Args:
        side: places of the side.
        size: places of a window.
    """
    return (side + size - 1) // size


def pad_to_windows(x: Float[Tensor, "N H W C"], size: int) -> Float[Tensor, "N _ _ C"]:
    """Pads maps with zeros at the bottom and at the right, so that windows fit.

    Args:
        x: the maps, channels last.
        size: side of a window.
    """
    _, height, width, _ = x.shape
    rows, columns = count_windows(height, size), count_windows(width, size)
    return F.pad(x, (0, 0, 0, columns * size - width, 0, rows * size - height))


def split_windows(x: Float[Tensor, "N H W C"], size: int) -> Float[Tensor, "W2 S S C"]:
    """Cuts maps into windows without overlap, row by row.

    Maps are padded with zeros at the bottom and at the right.

    Args:
        x: the maps, channels last.
        size: side of a window.
    """
    num_images, height, width, channels = x.shape
    rows, columns = count_windows(height, size), count_windows(width, size)
    x = pad_to_windows(x, size).view(num_images, rows, size, columns, size, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, size, size, channels)


def join_windows(
    windows: Float[Tensor, "W2 S S C"], height: int, width: int
) -> Float[Tensor, "N H W C"]:
    """Puts windows together to the maps that they were cut from, without their padding.

    Args:
        windows: those of `split_windows`, in their order.
        height: of the maps.
        width: of the maps.
    """
    size, channels = windows.shape[1], windows.shape[-1]
    rows, columns = count_windows(height, size), count_windows(width, size)
    x = windows.view(-1, rows, columns, size, size, channels)
    x = x.permute(0, 1, 3, 2, 4, 5).reshape(-1, rows * size, columns * size, channels)
    return x[:, :height, :width]
