"""Cuts maps into square windows, within which attention works, and puts them together again.

Legend: N images, H W height and width, W2 windows of all images, S side of a window, C channels.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def split_windows(x: Float[Tensor, "N H W C"], size: int) -> Float[Tensor, "W2 S S C"]:
    """Cuts maps into windows without overlap, row by row.

    Maps are padded with zeros at the bottom and at the right.

    Args:
        x: the maps, channels last.
        size: side of a window.
    """
    _, height, width, channels = x.shape
    x = F.pad(x, (0, 0, 0, -width % size, 0, -height % size))
    num_images, height, width, _ = x.shape
    x = x.view(num_images, height // size, size, width // size, size, channels)
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
    rows, columns = -(-height // size), -(-width // size)
    x = windows.view(-1, rows, columns, size, size, channels)
    x = x.permute(0, 1, 3, 2, 4, 5).reshape(-1, rows * size, columns * size, channels)
    return x[:, :height, :width]
