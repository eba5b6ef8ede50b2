"""Pooling of regions from maps of several levels at once, by a compiled kernel (the extra numba).

Legend: N images, R regions, C channels, P Q rows and columns of the grid.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from composer.ops.region_bins import PoolingGrid, place_bins
from composer.parallel_calls import call_all

_CHUNK = 64  # regions that a thread takes at a time
_PRECISIONS = (torch.float32, torch.bfloat16)


@cache
def can_pool_levels() -> bool:
    """Whether the kernel is installed."""
    return importlib.util.find_spec("numba") is not None


def fits_kernel(maps: Sequence[Tensor], regions: Tensor) -> bool:
    """Whether the kernel can sample maps: on the CPU, without gradients, of a type it has."""
    if not can_pool_levels() or torch.compiler.is_compiling() or torch._C._get_tracing_state():
        return False
    tensors = [*maps, regions]
    needs_gradients = torch.is_grad_enabled() and any(one.requires_grad for one in tensors)
    return not needs_gradients and all(
        type(one) is Tensor and one.device.type == "cpu" and one.dtype in _PRECISIONS
        for one in tensors
    )


def pool_levels(
    maps: Sequence[Float[Tensor, "N C _ _"]],
    regions: Float[Tensor, "R 5"],
    levels: Int[Tensor, R] | None,
    scales: Sequence[float],
    grid: PoolingGrid,
) -> Float[Tensor, "R C P Q"]:
    """Samples each region from the map of its level (RoIAlign, He et al. 2017, section 3).

    The result is that of `torchvision.ops.roi_align`, with its channels last. As many threads work
    as torch has.

    Args:
        maps: one a level, float32 or bfloat16 on the CPU; with channels last they are not copied.
        regions: image, then XYXY in pixels.
        levels: the level of each region; None if there is one.
        scales: cells of each map per pixel.
        grid: how regions are sampled.
    """
    from composer.kernels.region_sampling import pool_rows

    rows, columns = grid.size
    out = maps[0].new_empty((len(regions), rows, columns, maps[0].shape[1]))
    if len(regions) and len(maps[0]):
        tasks = [
            partial(pool_rows, *arguments)
            for level, (map_, scale) in enumerate(zip(maps, scales, strict=True))
            for arguments in _divide(map_, regions, levels, level, scale, grid, out)
        ]
        call_all(tasks)
    return out.permute(0, 3, 1, 2)


def _divide(
    map_: Tensor,
    regions: Tensor,
    levels: Tensor | None,
    level: int,
    scale: float,
    grid: PoolingGrid,
    out: Tensor,
) -> list[tuple[Any, ...]]:
    """The kernel's arguments for the regions of a level, some at a time."""
    mine = None if levels is None else (levels == level).nonzero().squeeze(1)
    if mine is not None and not len(mine):
        return []
    rows = torch.arange(len(regions)) if mine is None else mine
    bins = place_bins(regions, scale, grid)
    images, steps = bins.images.numpy(), bins.steps.numpy()
    starts = bins.row_starts.numpy(), bins.column_starts.numpy()
    placed = _as_array(map_.permute(0, 2, 3, 1).contiguous())
    ratio, target = grid.sampling_ratio, _as_array(out)
    return [
        (placed, images, starts, steps, rows[start : start + _CHUNK].numpy(), ratio, target)
        for start in range(0, len(rows), _CHUNK)
    ]


def _as_array(tensor: Tensor) -> Any:
    """A tensor as an array of the same memory; bfloat16 as its bits."""
    if tensor.dtype == torch.float32:
        return tensor.detach().numpy()
    return tensor.detach().view(torch.int16).numpy().view("uint16")
