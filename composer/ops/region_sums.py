"""Pooling of regions as weighted sums of a map's cells, for maps with their channels last.

A bin of a region is a sum of cells with weights. torch sums rows of a table so for embeddings, in
all its threads. A gradient is the same sum the other way round: a cell gets those of the bins that
it counts in.

Legend: N images, R regions, C channels, H W height and width of a map, P Q rows and columns of the
grid, E cells of all bins.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from composer.ops.region_bins import PoolingGrid
from composer.ops.region_cells import BinCells, MapGrid, list_cells
from composer.ops.torchvision_operators import is_followed

_NUM_SETTINGS = 4  # arguments before the maps
_PRECISIONS = (torch.float32, torch.bfloat16)
_MIN_CHANNELS = 64  # with fewer, listing the cells takes longer than torchvision's kernel
_MIN_REGIONS, _MIN_VALUES = 32, 1 << 20  # with fewer of both, it takes less time, too
_CELLS = 1 << 18  # that are summed at a time: their list stays in the cache
_GRADIENT_CELLS = 1 << 20  # each time, a gradient of the whole map is added


def fits_sums(maps: Sequence[Tensor], regions: Tensor) -> bool:
    """Whether the sums can and should be used: on the CPU, with many channels, which are last."""
    if is_followed() or not all(map(_is_plain, (*maps, regions))):
        return False
    is_large = len(regions) >= _MIN_REGIONS or sum(map(torch.numel, maps)) >= _MIN_VALUES
    return is_large and all(
        map_.shape[1] >= _MIN_CHANNELS
        and map_.is_contiguous(memory_format=torch.channels_last)
        and map_.numel() < 2**31
        for map_ in maps
    )


def _is_plain(tensor: Tensor) -> bool:
    return type(tensor) is Tensor and tensor.device.type == "cpu" and tensor.dtype in _PRECISIONS


def sum_regions(
    maps: Sequence[Float[Tensor, "N C _ _"]],
    regions: Float[Tensor, "R 5"],
    levels: Int[Tensor, "R"] | None,
    scales: Sequence[float],
    grid: PoolingGrid,
) -> Float[Tensor, "R C P Q"]:
    """Samples each region from the map of its level (RoIAlign, He et al. 2017, section 3).

    The result is that of `torchvision.ops.roi_align`, with its channels last; so are gradients,
    which maps have and regions do not. Samples outside of a map are 0 even if its first cell is no
    number, and a region whose place is no number has no samples.

    Args:
        maps: one a level, float32 or bfloat16 on the CPU, with channels last.
        regions: image, then XYXY in pixels.
        levels: the level of each region; None if there is one.
        scales: cells of each map per pixel.
        grid: how regions are sampled.
    """
    pooled: Tensor = _RegionSums.apply(regions.detach(), levels, tuple(scales), grid, *maps)
    return pooled


class _RegionSums(torch.autograd.Function):
    """Sums of cells, and their gradients."""

    @staticmethod
    def forward(
        ctx: Any,
        regions: Tensor,
        levels: Tensor | None,
        scales: tuple[float, ...],
        grid: PoolingGrid,
        *maps: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(regions, levels)
        ctx.shapes, ctx.dtype, ctx.grid = [map_.shape for map_ in maps], maps[0].dtype, grid
        ctx.grids = [
            MapGrid(map_.shape[2], map_.shape[3], scale)
            for map_, scale in zip(maps, scales, strict=True)
        ]
        pooled = maps[0].new_empty((len(regions), *grid.size, maps[0].shape[1]))
        flat: dict[int, Tensor] = {}
        for cells in list_cells(regions, levels, ctx.grids, grid, _CELLS):
            if cells.level not in flat:
                flat = {cells.level: _as_rows(maps[cells.level])}
            target = pooled[:, cells.rows]
            summed = _sum_bins(flat[cells.level], cells).to(pooled.dtype)
            target.index_copy_(0, cells.regions, summed.view(-1, *target.shape[1:]))
        return pooled.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        regions, levels = ctx.saved_tensors
        bins = gradient.permute(0, 2, 3, 1).float().reshape(-1, gradient.shape[1])
        summed: list[Tensor | None] = [None] * len(ctx.shapes)
        for parts in _gather(list_cells(regions, levels, ctx.grids, ctx.grid, _CELLS)):
            level = parts[0].level
            if ctx.needs_input_grad[_NUM_SETTINGS + level]:
                num_images, _, height, width = ctx.shapes[level]
                part = _sum_cells(bins, parts, ctx.grid.size, num_images * height * width)
                before = summed[level]
                summed[level] = part if before is None else part.add_(before)
        found: list[Tensor | None] = []
        for level, shape in enumerate(ctx.shapes):
            rows = summed[level]
            if not ctx.needs_input_grad[_NUM_SETTINGS + level]:
                found.append(None)
                continue
            num_images, channels, height, width = shape
            if rows is None:
                rows = bins.new_zeros((num_images * height * width, channels))
            map_ = rows.view(num_images, height, width, channels).permute(0, 3, 1, 2)
            found.append(map_.to(ctx.dtype))
        return (*(None,) * _NUM_SETTINGS, *found)


def _sum_bins(flat: Float[Tensor, "_ C"], cells: BinCells) -> Float[Tensor, "_ C"]:
    """The sum of each bin."""
    ends = torch.arange(0, len(cells.indices), cells.num_cells, dtype=torch.int32)
    summed = F.embedding_bag(
        cells.indices, flat, ends, mode="sum", per_sample_weights=cells.weights
    )
    if cells.is_outside is not None:  # 0 times what is no number is none
        summed[cells.is_outside] = 0
    return summed


def _gather(cells: Iterable[BinCells]) -> Iterator[list[BinCells]]:
    """Gathers parts of a level, as each sum over them has the size of the map."""
    gathered: list[BinCells] = []
    size = 0
    for part in cells:
        if gathered and (part.level != gathered[0].level or size >= _GRADIENT_CELLS):
            yield gathered
            gathered, size = [], 0
        gathered.append(part)
        size += len(part.indices)
    if gathered:
        yield gathered


def _number_bins(cells: BinCells, size: tuple[int, int]) -> Int[Tensor, "E"]:
    """The bin of each cell, counted over all regions with grids of a size."""
    rows, columns = size
    places = torch.arange(cells.rows.start * columns, cells.rows.stop * columns)
    bins = (cells.regions * (rows * columns))[:, None] + places
    return bins.flatten().repeat_interleave(cells.num_cells)


def _sum_cells(
    bins: Float[Tensor, "_ C"], parts: Sequence[BinCells], size: tuple[int, int], num_cells: int
) -> Float[Tensor, "_ C"]:
    """The sum of each cell of a map over the bins that it counts in.

    Args:
        bins: what is summed.
        parts: the cells of bins.
        size: rows and columns of the grid.
        num_cells: the cells of the map, over all images.
    """
    indices = torch.cat([cells.indices for cells in parts])
    order = indices.sort(stable=True).indices
    counts = torch.bincount(indices, minlength=num_cells)
    return F.embedding_bag(
        torch.cat([_number_bins(cells, size) for cells in parts])[order],
        bins,
        counts.cumsum(0) - counts,
        mode="sum",
        per_sample_weights=torch.cat([cells.weights for cells in parts])[order],
    )


def _as_rows(map_: Float[Tensor, "N C H W"]) -> Float[Tensor, "_ C"]:
    """The cells of a map with its channels last, in float32."""
    return map_.permute(0, 2, 3, 1).reshape(-1, map_.shape[1]).float()
