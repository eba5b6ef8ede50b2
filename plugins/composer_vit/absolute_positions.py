"""Absolute positions: a vector for each cell, interpolated for other sizes of images.

Legend: N images, P positions, C channels, H W height and width of the map.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def make_positions(
    image_size: int, patch_size: int, channels: int, *, has_class_token: bool
) -> nn.Parameter:
    """Returns positions of zeros for the patches of a square image.

    Args:
        image_size: side of the images, in pixels.
        patch_size: pixels from one patch to the next.
        channels: length of each vector.
        has_class_token: whether the first position is that of a class token.
    """
    num_positions = (image_size // patch_size) ** 2 + has_class_token
    return nn.Parameter(torch.zeros(1, num_positions, channels))


def add_positions(
    patches: Float[Tensor, "N H W C"],
    positions: Float[Tensor, "1 P C"] | None,
    *,
    has_class_token: bool,
) -> Float[Tensor, "N H W C"]:
    """Adds its position to each patch, where there are positions.

    Args:
        patches: a map.
        positions: as `fit_positions` takes them, or none.
        has_class_token: whether the first position is that of a class token.
    """
    if positions is None:
        return patches
    _, height, width, _ = patches.shape
    return patches + fit_positions(positions, height, width, has_class_token=has_class_token)


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
    is_fitting = (height, width) == (side, side)
    if is_fitting and not torch._C._get_tracing_state():  # other sizes go through a trace
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
