"""Absolute positions: a vector for each cell, interpolated for other sizes of images.

Legend: P positions, C channels, H W height and width of the map.
"""

import math

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def fit_positions(
    positions: Float[Tensor, "1 P C"], height: int, width: int, *, has_class_token: bool
) -> Float[Tensor, "1 H W C"]:
    """Returns the positions of a map's cells, interpolated (bicubic) where the size is another.

    Args:
        positions: those of a square map, row by row.
        height: of the map.
        width: of the map.
        has_class_token: whether the first position is that of a class token, which is left out.

    Raises:
        ValueError: the positions do not make a square.
    """
    if has_class_token:
        positions = positions[:, 1:]
    side = math.isqrt(positions.shape[1])
    if side * side != positions.shape[1]:
        raise ValueError(f"{positions.shape[1]} positions do not make a square.")
    grid = positions.reshape(1, side, side, -1)
    if (height, width) == (side, side):
        return grid
    return resize_grid(grid.permute(0, 3, 1, 2), height, width).permute(0, 2, 3, 1)


def resize_grid(
    grid: Float[Tensor, "1 C _ _"], height: int, width: int
) -> Float[Tensor, "1 C H W"]:
    """Interpolates a map of positions (bicubic).

    Args:
        grid: the positions, channels first.
        height: wanted.
        width: wanted.
    """
    resized = F.interpolate(grid.float(), size=(height, width), mode="bicubic", align_corners=False)
    return resized.to(grid.dtype)
