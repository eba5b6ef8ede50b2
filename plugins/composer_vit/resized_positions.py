"""Positions of a checkpoint that was trained at another size, resized to those of a model.

Legend: L rows of a table, P positions, C channels, M heads.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from composer_vit.absolute_positions import resize_grid
from composer_vit.relative_positions import resize_table


def resize_positions(
    name: str, value: Shaped[Tensor, "..."], shape: Sequence[int]
) -> Shaped[Tensor, "..."] | None:
    """Resizes absolute positions (bicubic), or a table of relative ones along an axis (linear).

    Args:
        name: name of the parameter.
        value: what the checkpoint has.
        shape: shape of the model's.

    Returns:
        The positions; None for other parameters, and for what cannot be resized.
    """
    last = name.rpartition(".")[2]
    if value.shape[-1:] != tuple(shape[-1:]) or value.ndim != len(shape):
        return None
    if last in ("rel_pos_h", "rel_pos_w"):
        return resize_table(value, shape[0])
    return _resize_square(value, shape[1]) if last == "pos_embed" else None


def _resize_square(
    positions: Shaped[Tensor, "1 _ C"], count: int
) -> Shaped[Tensor, "1 _ C"] | None:
    """Resizes the positions of a square; that of a class token stays, or is added as zeros."""
    before, after = _find_side(positions.shape[1]), _find_side(count)
    if before is None or after is None:
        return None
    token, grid = positions[:, : -(before**2)], positions[:, -(before**2) :]
    grid = grid.transpose(1, 2).reshape(1, -1, before, before)
    if before != after:
        grid = resize_grid(grid, after, after)
    if count == after**2:
        token = positions[:, :0]
    elif not token.shape[1]:
        token = torch.zeros_like(positions[:, :1])
    return torch.cat([token, grid.flatten(2).transpose(1, 2)], dim=1)


def _find_side(count: int) -> int | None:
    """Returns the side of the square of some positions, of which one may be a class token's."""
    side = math.isqrt(count)
    return side if side and count - side**2 in (0, 1) else None


def resize_bias_table(
    table: Float[Tensor, "L M"], num_distances: int
) -> Float[Tensor, "_ M"] | None:
    """Resizes a table with a bias for each distance within a square window (bicubic).

    Args:
        table: a row for each distance of rows and columns.
        num_distances: number of rows wanted.

    Returns:
        The table; None where one of the two is not that of a square.
    """
    before, after = math.isqrt(len(table)), math.isqrt(num_distances)
    if before**2 != len(table) or after**2 != num_distances:
        return None
    grid = table.T.reshape(1, -1, before, before)
    return resize_grid(grid, after, after)[0].flatten(1).T
