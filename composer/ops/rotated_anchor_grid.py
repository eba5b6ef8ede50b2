"""Anchors at several angles (Ma et al. 2018, section 3.2).

Legend: A anchors of one cell. `_` is the number of anchors that come out.

Boxes are (centre x, centre y, width, height, angle) in pixels and degrees.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from composer.ops.anchor_grid import make_cell_anchors, place_anchors


def make_rotated_cell_anchors(
    sizes: Sequence[float], aspect_ratios: Sequence[float], angles: Sequence[float]
) -> Float[Tensor, "_ 5"]:
    """Returns the anchors of one cell, centred on the origin.

    Args:
        sizes: square roots of the anchors' areas, in pixels.
        aspect_ratios: height over width; each is combined with each size.
        angles: counter-clockwise, in degrees; each is combined with each size and ratio.

    Returns:
        All ratios of the first size first, all angles of a ratio together.
    """
    flat = make_cell_anchors(sizes, aspect_ratios)
    size = (flat[:, 2:] - flat[:, :2]).repeat_interleave(len(angles), dim=0)
    angle = flat.new_tensor(angles).repeat(len(flat))[:, None]
    return torch.cat((torch.zeros_like(size), size, angle), dim=1)


def place_rotated_anchors(
    cell_anchors: Float[Tensor, "A 5"],
    grid_size: tuple[int, int],
    stride: int,
    offset: float = 0.0,
) -> Float[Tensor, "_ 5"]:
    """Repeats the anchors of a cell over a feature map; see `place_anchors`.

    Args:
        cell_anchors: the anchors around the origin.
        grid_size: the map's (height, width).
        stride: pixels of the image a cell.
        offset: where in its cell an anchor's centre lies: 0 is the upper left corner, 0.5 the
            middle.
    """
    origins = cell_anchors.new_zeros(len(cell_anchors), 4)
    centers = place_anchors(origins, grid_size, stride, offset)[:, :2]
    anchors = cell_anchors.repeat(grid_size[0] * grid_size[1], 1)
    return torch.cat((centers + anchors[:, :2], anchors[:, 2:]), dim=1)
