"""Anchors: the boxes that a dense detector starts from, some at every cell of a feature map.

Legend: A anchors of one cell, D numbers of a box, N images, H W a map's height and width. `_` is
the number of anchors or predictions that come out, all numbers of a cell, or the numbers of one
prediction.

Rotated anchors (Ma et al. 2018, section 3.2) are (centre x, centre y, width, height, angle) in
pixels and degrees.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
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
    cell_anchors: Float[Tensor, "A D"],
    grid_size: tuple[int, int],
    stride: int,
    offset: float = 0.0,
) -> Float[Tensor, "_ D"]:
    """Repeats the anchors of a cell over a feature map.

    Args:
        cell_anchors: the anchors around the origin, upright or rotated.
        grid_size: the map's (height, width).
        stride: pixels of the image a cell.
        offset: where in its cell an anchor's centre lies: 0 is the upper left corner, 0.5 the
            middle.

    Returns:
        In pixels of the image: row after row, cell after cell, all anchors of a cell together.
    """
    height, width = grid_size
    y = (torch.arange(height, dtype=torch.float32, device=cell_anchors.device) + offset) * stride
    x = (torch.arange(width, dtype=torch.float32, device=cell_anchors.device) + offset) * stride
    y, x = torch.meshgrid(y, x, indexing="ij")
    centers = torch.stack((x, y), dim=2).reshape(-1, 1, 2)
    dim = cell_anchors.shape[1]
    # Both corners of an upright anchor move; of a rotated one the centre alone.
    shifts = torch.cat((centers, centers), dim=2) if dim == 4 else F.pad(centers, (0, dim - 2))
    return (shifts + cell_anchors).reshape(-1, dim)


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


def flatten_cells(map_: Float[Tensor, "N _ H W"], num_values: int = 1) -> Float[Tensor, "N _ _"]:
    """Lists a map's predictions in the order in which anchors are placed.

    Args:
        map_: one channel a number: those of a cell's first prediction, of its second, ...
        num_values: how many numbers make a prediction.

    Returns:
        Row after row, cell after cell, all predictions of a cell together.

    Raises:
        ValueError: the channels are no multiple of `num_values`.
    """
    num_images, channels, height, width = map_.shape
    if channels % num_values:
        raise ValueError(f"{channels} channels do not hold predictions of {num_values} numbers.")
    num_predictions = channels // num_values
    split = map_.reshape(num_images, num_predictions, num_values, height, width)
    flat_length = height * width * num_predictions
    return split.permute(0, 3, 4, 1, 2).reshape(num_images, flat_length, num_values)
