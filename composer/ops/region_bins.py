"""Grids of regions: where bins begin, and how large they are.

Legend: R regions, P Q rows and columns of the grid.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class PoolingGrid(NamedTuple):
    """How regions are sampled.

    Args:
        size: rows and columns of the grid.
        sampling_ratio: samples a cell of the grid in each direction; 0 for as many as there are
            cells of the map.
        is_aligned: whether cells are sampled at their exact places, rather than half a cell off.
    """

    size: tuple[int, int]
    sampling_ratio: int = 0
    is_aligned: bool = True


class RegionBins(NamedTuple):
    """The bins of regions, in cells of a map.

    Args:
        images: the image of each region.
        row_starts: where each row of bins begins.
        column_starts: where each column of bins begins.
        steps: the height and width of a bin.
    """

    images: Int[Tensor, "R"]
    row_starts: Float[Tensor, "R P"]
    column_starts: Float[Tensor, "R Q"]
    steps: Float[Tensor, "R 2"]


def place_bins(
    regions: Float[Tensor, "R 5"], scale: float | Float[Tensor, "R 1"], grid: PoolingGrid
) -> RegionBins:
    """The bins of regions, rounded as by torchvision's kernel.

    Args:
        regions: image, then XYXY in pixels.
        scale: cells of the map per pixel; float32 numbers if regions have their own.
        grid: how regions are sampled.
    """
    regions = regions.float()
    shift = 0.5 if grid.is_aligned else 0.0
    corners = regions[:, 1:] * scale - shift
    sizes = corners[:, 2:] - corners[:, :2]
    if not grid.is_aligned:
        sizes = sizes.clamp(min=1.0)
    starts, steps = [], []
    for axis, count in ((1, grid.size[0]), (0, grid.size[1])):
        step = sizes[:, axis] / count
        offsets = torch.arange(count, dtype=torch.float32) * step[:, None]
        starts.append(corners[:, axis, None] + offsets)
        steps.append(step)
    images = regions[:, 0].to(torch.int64)
    return RegionBins(images, starts[0], starts[1], torch.stack(steps, dim=1))
