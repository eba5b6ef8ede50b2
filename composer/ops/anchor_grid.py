"""Anchors: the boxes that a dense detector starts from, some at every cell of a feature map.

Legend: A anchors of one cell. `_` is the number of anchors that come out.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def make_cell_anchors(
    sizes: Sequence[float], aspect_ratios: Sequence[float]
) -> Float[Tensor, "_ 4"]:
    """Returns the anchors of one cell, centred on the origin (Ren et al. 2015, section 3.1.1).

    Args:
        sizes: square roots of the anchors' areas, in pixels.
        aspect_ratios: height over width; each is combined with each size.

    Returns:
        XYXY in pixels, all ratios of the first size first. Not rounded.
    """
    anchors = []
    for size in sizes:
        for ratio in aspect_ratios:
            width = math.sqrt(size**2 / ratio)
            height = width * ratio
            anchors.append([-width / 2, -height / 2, width / 2, height / 2])
    return torch.tensor(anchors, dtype=torch.float32).reshape(-1, 4)


def place_anchors(
    cell_anchors: Float[Tensor, "A 4"],
    grid_size: tuple[int, int],
    stride: int,
    offset: float = 0.0,
) -> Float[Tensor, "_ 4"]:
    """Repeats the anchors of a cell over a feature map.

    Args:
        cell_anchors: the anchors around the origin.
        grid_size: the map's (height, width).
        stride: pixels of the image a cell.
        offset: where in its cell an anchor's centre lies: 0 is the upper left corner, 0.5 the
            middle.

    Returns:
        XYXY in pixels of the image: row after row, cell after cell, all anchors of a cell
        together.
    """
    height, width = grid_size
    y = (torch.arange(height, dtype=torch.float32, device=cell_anchors.device) + offset) * stride
    x = (torch.arange(width, dtype=torch.float32, device=cell_anchors.device) + offset) * stride
    y, x = torch.meshgrid(y, x, indexing="ij")
    shifts = torch.stack((x, y, x, y), dim=2).reshape(-1, 1, 4)
    return (shifts + cell_anchors).reshape(-1, 4)
