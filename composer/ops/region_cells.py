"""The cells of maps that count in the bins of regions, and how much each of them does.

The weights of bilinear interpolation are those of a row times those of a column, and so are sums
of them: a bin is a sum over a few rows and columns of cells, each with one weight.

Legend: R regions, P bins of a region in one direction, S samples of a bin in one direction, K cells
of a bin in one direction, E cells of all bins.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from composer.ops.region_bins import PoolingGrid, RegionBins, place_bins

_MAX_SAMPLES = 1e9  # of a bin in one direction; a region of that size is none
_SAMPLES = 1 << 20  # in one direction, that are placed at a time
_MAX_WASTE = 8192  # cells that bins are filled up with, where that saves a part


class MapGrid(NamedTuple):
    """The cells of a level.

    Args:
        height: rows of cells.
        width: columns of cells.
        scale: cells per pixel.
    """

    height: int
    width: int
    scale: float


class BinCells(NamedTuple):
    """The cells of some bins of one level, as many of each bin.

    Args:
        level: the level.
        regions: the regions of the bins.
        rows: the rows of their grids.
        indices: the cells of each bin, counted over all images.
        weights: how much each counts.
        num_cells: cells of a bin.
        is_outside: the bins without a sample on the map; None if each has one.
    """

    level: int
    regions: Int[Tensor, "_"]
    rows: slice
    indices: Int[Tensor, "E"]
    weights: Float[Tensor, "E"]
    num_cells: int
    is_outside: Bool[Tensor, "_"] | None


class _AxisCells(NamedTuple):
    """The cells of each bin in one direction, P bins a region.

    Args:
        cells: their places.
        weights: how much each counts.
        spans: the most cells of a bin of each region.
        is_outside: the bins without a sample on the map.
    """

    cells: Int[Tensor, "R P K"]
    weights: Float[Tensor, "R P K"]
    spans: Int[Tensor, "R"]
    is_outside: Bool[Tensor, "R P"]


def list_cells(
    regions: Float[Tensor, "R 5"],
    levels: Int[Tensor, "R"] | None,
    maps: Sequence[MapGrid],
    grid: PoolingGrid,
    limit: int,
) -> Iterator[BinCells]:
    """Lists the cells of all bins, some bins at a time, level after level.

    Args:
        regions: image, then XYXY in pixels.
        levels: the level of each region; None if there is one.
        maps: the cells of each level.
        grid: how regions are sampled.
        limit: cells that are listed at a time; more only where a row of one grid has more.
    """
    if not len(regions):
        return
    levels = torch.zeros(len(regions), dtype=torch.int64) if levels is None else levels
    scales = torch.tensor([map_.scale for map_ in maps], dtype=torch.float32)[levels]
    bins = place_bins(regions, scales[:, None], grid)
    sizes = torch.tensor([map_[:2] for map_ in maps], dtype=torch.int32)[levels]
    counts = _count_samples(bins.steps, grid.sampling_ratio)
    for chosen in _pick_regions(counts, max(grid.size)):
        yield from _list_some(chosen, levels, sizes, bins, counts, grid, limit)


def _list_some(
    chosen: Int[Tensor, "_"],
    levels: Int[Tensor, "R"],
    sizes: Int[Tensor, "R 2"],
    bins: RegionBins,
    counts: Float[Tensor, "R 2"],
    grid: PoolingGrid,
    limit: int,
) -> Iterator[BinCells]:
    """Lists the cells of some regions, whose samples are placed at once."""
    steps, counts, sizes, levels = bins.steps[chosen], counts[chosen], sizes[chosen], levels[chosen]
    down = _weigh(bins.row_starts[chosen], steps[:, 0], counts[:, 0], sizes[:, :1])
    across = _weigh(bins.column_starts[chosen], steps[:, 1], counts[:, 1], sizes[:, 1:])
    order = _order(levels, down.spans, across.spans)
    firsts = bins.images[chosen].to(torch.int32) * sizes[:, 0] * sizes[:, 1]
    lines = down.cells * sizes[:, 1, None, None] + firsts[:, None, None]
    down = _AxisCells(*(each[order] for each in (lines, *down[1:])))
    across = _AxisCells(*(each[order] for each in across))
    has_outside = bool(down.is_outside.any()) or bool(across.is_outside.any())
    levels, chosen = levels[order], chosen[order]
    for part in _divide(levels.tolist(), down.spans.tolist(), across.spans.tolist(), grid, limit):
        for row in range(0, grid.size[0], part.num_rows):
            rows = slice(row, min(row + part.num_rows, grid.size[0]))
            yield _combine(part, rows, chosen, down, across, has_outside=has_outside)


class _Part(NamedTuple):
    """Regions of one level whose cells are listed at once.

    Args:
        level: the level.
        start: the first region.
        stop: the one after the last.
        tall: rows of cells of a bin.
        wide: columns of cells of a bin.
        num_rows: rows of the grid at a time.
    """

    level: int
    start: int
    stop: int
    tall: int
    wide: int
    num_rows: int


def _combine(
    part: _Part,
    rows: slice,
    regions: Int[Tensor, "R"],
    down: _AxisCells,
    across: _AxisCells,
    *,
    has_outside: bool,
) -> BinCells:
    """The cells of bins, from those of their rows and columns."""
    mine = slice(part.start, part.stop)
    tall, wide = (mine, rows, slice(part.tall)), (mine, slice(None), slice(part.wide))
    indices = down.cells[tall][:, :, None, :, None] + across.cells[wide][:, None, :, None, :]
    weights = down.weights[tall][:, :, None, :, None] * across.weights[wide][:, None, :, None, :]
    is_outside = None
    if has_outside:
        outside = down.is_outside[mine, rows, None] | across.is_outside[mine, None, :]
        is_outside = outside.flatten()
    num_cells = part.tall * part.wide
    return BinCells(
        part.level, regions[mine], rows, indices.flatten(), weights.flatten(), num_cells, is_outside
    )


def _count_samples(steps: Float[Tensor, "R 2"], ratio: int) -> Float[Tensor, "R 2"]:
    """Samples of a bin in each direction; none in a region without a size."""
    if ratio > 0:
        return torch.full_like(steps, ratio)
    return torch.where((steps > 0) & (steps < _MAX_SAMPLES), steps.ceil(), 0)


def _pick_regions(counts: Float[Tensor, "R 2"], num_bins: int) -> Iterator[Int[Tensor, "_"]]:
    """Picks regions whose samples are placed at once: all, but where some have very many."""
    most = counts.amax(dim=1)
    if len(counts) * num_bins * float(most.max()) <= _SAMPLES:
        yield torch.arange(len(counts))
        return
    order = most.argsort(stable=True)
    start = 0
    for place, samples in enumerate(most[order].tolist()):
        if place > start and (place + 1 - start) * num_bins * samples > _SAMPLES:
            yield order[start:place]
            start = place
    yield order[start:]


def _order(
    levels: Int[Tensor, "R"], down: Int[Tensor, "R"], across: Int[Tensor, "R"]
) -> Int[Tensor, "R"]:
    """Regions by level, in an order in which neighbours have about as many cells in a bin."""
    tops = int(down.max()) + 1, int(across.max()) + 1
    snake = torch.where(down % 2 == 0, across, tops[1] - 1 - across)
    return ((levels * tops[0] + down) * tops[1] + snake).argsort(stable=True)


def _divide(
    levels: Sequence[int],
    down: Sequence[int],
    across: Sequence[int],
    grid: PoolingGrid,
    limit: int,
) -> Iterator[_Part]:
    """Divides regions so that parts are small, and most bins of one have as many cells."""
    start, num_bins = 0, grid.size[0] * grid.size[1]
    tall = wide = exact = 0
    for place, (height, width) in enumerate(zip(down, across, strict=True)):
        grown = max(tall, height), max(wide, width)
        padded = (place + 1 - start) * grown[0] * grown[1] * num_bins
        needed = exact + height * width * num_bins
        is_wasteful = padded - needed > max(_MAX_WASTE, needed // 4)
        is_other = levels[place] != levels[start]
        if place > start and (is_other or is_wasteful or padded > limit):
            yield _make_part(levels[start], start, place, (tall, wide), grid, limit)
            start, grown, needed = place, (height, width), height * width * num_bins
        (tall, wide), exact = grown, needed
    yield _make_part(levels[start], start, len(levels), (tall, wide), grid, limit)


def _make_part(
    level: int, start: int, stop: int, span: tuple[int, int], grid: PoolingGrid, limit: int
) -> _Part:
    of_row = (stop - start) * span[0] * span[1] * grid.size[1]
    num_rows = max(1, min(grid.size[0], limit // of_row))
    return _Part(level, start, stop, *span, num_rows)


def _weigh(
    starts: Float[Tensor, "R P"],
    steps: Float[Tensor, "R"],
    counts: Float[Tensor, "R"],
    limits: Int[Tensor, "R 1"],
) -> _AxisCells:
    """The cells of each bin in one direction, and how much they count.

    Args:
        starts: where each bin begins.
        steps: the size of a bin.
        counts: the samples of a bin.
        limits: the cells of the map.
    """
    limits = limits[:, :, None]
    samples = torch.arange(max(int(counts.max()), 1), dtype=torch.float32)
    shares = counts.clamp(min=1)[:, None]
    inner = (samples + 0.5) * steps[:, None] / shares
    positions = starts[:, :, None] + inner[:, None, :]
    is_inside = (positions >= -1) & (positions <= limits)
    is_inside &= (samples < counts[:, None])[:, None, :]
    positions = torch.minimum(positions.nan_to_num_(0.0).clamp_(min=0), limits - 1)
    low = positions.to(torch.int32)
    high = torch.minimum(low + 1, limits - 1)
    above = (positions - low) * is_inside
    below = is_inside.float() - above
    first = torch.where(is_inside, low, limits).amin(dim=2, keepdim=True)
    last = torch.where(is_inside, high, -1).amax(dim=2, keepdim=True)
    spans = (last - first + 1).amax(dim=1).squeeze(1).clamp_(min=1)
    span = int(spans.max())
    if span > 2 * len(samples):  # samples are far apart
        known = torch.minimum(first, limits - 1)
        sides = [torch.where(is_inside, side, known) for side in (low, high)]
        cells, weights = torch.cat(sides, dim=2), torch.cat((below, above), dim=2)
        spans = torch.full_like(spans, 2 * len(samples))
    else:
        cells = torch.minimum(first + torch.arange(span, dtype=torch.int32), last).clamp_(min=0)
        weights = torch.zeros(cells.shape)
        for side, weight in ((low, below), (high, above)):
            weights.scatter_add_(2, (side - first).clamp_(0, span - 1).long(), weight)
    return _AxisCells(cells, weights / shares[:, None], spans, (last < first).squeeze(2))
