"""Features of rotated regions, all of one size.

Legend: N images, R regions over all images, S samples of all regions, C channels, H W the map's
height and width. `_` is a region's number of rows and of columns.

Pooling is linear in the features, so it is a matrix: a row for each bin of each region, a column
for each cell of the maps, and in it the weights of the few cells that a bin's samples lie
between. It is applied to all channels at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from composer.structures import at_least_float32, rotate_points

# Samples that are placed together: some hundred bytes each for a moment.
_SAMPLES_PER_CHUNK = 1 << 20
_MAX_SAMPLES = 2**31  # of a bin in one direction, so that products of them are numbers
# How far beyond a map samples are still placed, in cells: what rounding may move them by.
_LEAST_MARGIN, _SHARE_OF_MARGIN, _LARGEST_MARGIN = 2.0, 1e-6, 64.0
_NO_EXTENT = 1e-12  # cells


@dataclass(frozen=True)
class Samples:
    """Sampling places of features.

    Args:
        bins: the bin that each sample belongs to: its region, its row and its column as one
            number.
        images: the image that it is taken from.
        places: (x, y) in cells of the map; 0 is the centre of the first one.
        weights: its share of the mean of its bin.
    """

    bins: Int[Tensor, "S"]
    images: Int[Tensor, "S"]
    places: Float[Tensor, "S 2"]
    weights: Float[Tensor, "S"]


@dataclass(frozen=True)
class Grid:
    """Samples of regions, all of which have the same number of bins.

    Args:
        counts: samples of a bin in x and in y.
        windows: for x and y, the first sample that is placed, and the one after the last; counted
            over all bins.
        output_size: rows and columns of bins.
    """

    counts: Int[Tensor, "R 2"]
    windows: Int[Tensor, "R 2 2"]
    output_size: tuple[int, int]


def roi_align_rotated(
    map_: Float[Tensor, "N C H W"],
    regions: Float[Tensor, "R 6"],
    output_size: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int = 0,
) -> Float[Tensor, "R C _ _"]:
    """Averages bilinear samples on a regular grid over each region, turned as the region is.

    This is RoIAlign (He et al. 2017, section 3) at exact places, for regions at any angle. A
    sample more than a cell outside of the map counts as zero, and is not placed: a region takes no
    more work than the map is large. Gradients reach the map only.

    Args:
        map_: the features, in float32 at least while they are averaged.
        regions: (image, centre x, centre y, width, height, angle), in pixels and degrees.
        output_size: rows and columns of the grid.
        spatial_scale: cells of the map a pixel.
        sampling_ratio: samples a bin in each direction; 0 for as many as it takes to have one a
            cell. A region without extent then has none, and is zero.
    """
    num_images, channels, height, width = map_.shape
    cells = at_least_float32(map_).permute(0, 2, 3, 1).reshape(-1, channels)
    boxes = regions.detach().to(cells.dtype)
    scaled = torch.cat((boxes[:, 1:5] * spatial_scale, boxes[:, 5:]), dim=1)
    counts = _count_samples(scaled[:, 2:4], output_size, sampling_ratio)
    windows = _find_windows(scaled, counts, output_size, (height, width))
    pooled = [cells[:0]]  # so that gradients (of zero) reach a map without regions, too
    for chunk in _split(windows):
        grid = Grid(counts[chunk], windows[chunk], output_size)
        samples = _place_samples(scaled[chunk], boxes[chunk, 0].long(), grid)
        num_bins = len(scaled[chunk]) * output_size[0] * output_size[1]
        matrix = _weigh_cells(samples, (num_images, height, width), num_bins)
        # Under autocast the product is one of lower precision, which has no backward pass.
        with torch.autocast(map_.device.type, enabled=False):
            pooled.append(torch.sparse.mm(matrix, cells))
    bins = torch.cat(pooled).reshape(len(regions), *output_size, channels)
    return bins.permute(0, 3, 1, 2).to(map_.dtype)


def _count_samples(
    sizes: Float[Tensor, "R 2"], output_size: tuple[int, int], sampling_ratio: int
) -> Int[Tensor, "R 2"]:
    """Returns the samples of a bin in x and in y."""
    if sampling_ratio > 0:
        return torch.full_like(sizes, sampling_ratio, dtype=torch.int64)
    bin_sizes = sizes / sizes.new_tensor([output_size[1], output_size[0]])
    counts = bin_sizes.nan_to_num(nan=0.0, posinf=0.0).clamp(min=0, max=_MAX_SAMPLES).ceil().long()
    return torch.where((counts > 0).all(dim=1, keepdim=True), counts, 0)


def _find_windows(
    boxes: Float[Tensor, "R 5"],
    counts: Int[Tensor, "R 2"],
    output_size: tuple[int, int],
    map_size: tuple[int, int],
) -> Int[Tensor, "R 2 2"]:
    """Returns the first sample of each region that can be near the map, and the one after the last.

    Args:
        boxes: in cells of the map, 0.5 being the centre of the first one.
        counts: samples of a bin in x and in y.
        output_size: rows and columns of bins.
        map_size: height and width of the map.

    Returns:
        For x and for y, both counted over all bins.
    """
    exact = boxes if boxes.device.type == "mps" else boxes.double()
    right, bottom = map_size[1] + 0.5, map_size[0] + 0.5
    corners = exact.new_tensor([(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)])
    # In the region's own frame, where it goes from 0 to 1.
    seen = rotate_points(corners - exact[:, None, :2], -exact[:, None, 4])
    sides = torch.where(exact[:, 2:4].abs() < _NO_EXTENT, _NO_EXTENT, exact[:, 2:4])
    parts = seen / sides[:, None] + 0.5
    margin = (sides.abs() * _SHARE_OF_MARGIN + _LEAST_MARGIN).clamp(max=_LARGEST_MARGIN)
    margin = margin / sides.abs()
    totals = (counts * counts.new_tensor([output_size[1], output_size[0]])).to(exact)
    first = (parts.amin(dim=1) - margin) * totals
    end = (parts.amax(dim=1) + margin) * totals
    ends = torch.stack((first.floor(), end.ceil()), dim=2)
    return ends.nan_to_num(nan=0.0).clamp(min=0).minimum(totals[:, :, None]).long()


def _split(windows: Int[Tensor, "R 2 2"]) -> Iterator[slice]:
    """Yields chunks of regions with a bounded number of samples; a region is never split."""
    start, num_samples = 0, 0
    for position, count in enumerate(windows.diff(dim=2).prod(dim=1).flatten().tolist()):
        if position > start and num_samples + count > _SAMPLES_PER_CHUNK:
            yield slice(start, position)
            start, num_samples = position, 0
        num_samples += count
    if start < len(windows):
        yield slice(start, len(windows))


def _place_samples(boxes: Float[Tensor, "R 5"], images: Int[Tensor, "R"], grid: Grid) -> Samples:
    """Spreads samples over all bins of all boxes.

    Args:
        boxes: in cells of the map, 0.5 being the centre of the first one.
        images: the image of each box.
        grid: the samples of each box.
    """
    num_rows, num_columns = grid.output_size
    num_bins = num_rows * num_columns
    first_x, end_x = _cut_to_window(grid.windows[:, 0], grid.counts[:, 0], num_columns)
    first_y, end_y = _cut_to_window(grid.windows[:, 1], grid.counts[:, 1], num_rows)
    per_bin = ((end_y - first_y)[:, :, None] * (end_x - first_x)[:, None, :]).flatten()
    bins = torch.arange(len(boxes) * num_bins, device=boxes.device).repeat_interleave(per_bin)
    regions, row, column = bins // num_bins, bins % num_bins // num_columns, bins % num_columns
    first = (per_bin.cumsum(dim=0) - per_bin).repeat_interleave(per_bin)
    in_bin = torch.arange(len(bins), device=boxes.device) - first
    width = (end_x - first_x)[regions, column]
    sample_x = first_x[regions, column] + in_bin % width
    sample_y = first_y[regions, row] + in_bin // width
    count_x, count_y = grid.counts[regions].unbind(1)
    # In units of a bin, from the upper left corner of the box.
    x, y = column + (sample_x + 0.5) / count_x, row + (sample_y + 0.5) / count_y
    parts = torch.stack((x / num_columns, y / num_rows), dim=1).to(boxes) - 0.5
    center, size, angle = boxes[regions, :2], boxes[regions, 2:4], boxes[regions, 4]
    places = rotate_points(parts * size, angle) + center - 0.5
    return Samples(bins, images[regions], places, 1 / (count_x * count_y).to(boxes))


def _cut_to_window(
    window: Int[Tensor, "R 2"], counts: Int[Tensor, "R"], num_bins: int
) -> tuple[Int[Tensor, "R _"], Int[Tensor, "R _"]]:
    """Returns the first sample of each bin within the window, and the one after the last.

    Args:
        window: the same over all bins in a row.
        counts: samples of a bin.
        num_bins: bins in a row.
    """
    begins = torch.arange(num_bins, device=counts.device) * counts[:, None]
    inside = (window[:, :, None] - begins[:, None]).clamp(min=0)
    first, end = inside.minimum(counts[:, None, None]).unbind(1)
    return first, end


def _weigh_cells(
    samples: Samples, map_size: tuple[int, int, int], num_bins: int
) -> Float[Tensor, "_ _"]:
    """Returns the matrix that leads from the cells of all maps to bins.

    Args:
        samples: where features are read.
        map_size: number of maps, their height and width.
        num_bins: number of rows.
    """
    num_images, height, width = map_size
    end = samples.places.new_tensor([width, height])
    is_near = ((samples.places >= -1) & (samples.places <= end)).all(dim=1)
    places = samples.places[is_near].clamp(min=0).minimum(end - 1)
    low = places.floor()
    share = places - low
    low = low.long()
    high = (low + 1).minimum(end.long() - 1)
    bins, images = samples.bins[is_near], samples.images[is_near]
    weights = samples.weights[is_near]
    corners = []
    for x, share_x in ((low[:, 0], 1 - share[:, 0]), (high[:, 0], share[:, 0])):
        for y, share_y in ((low[:, 1], 1 - share[:, 1]), (high[:, 1], share[:, 1])):
            cells = (images * height + y) * width + x
            corners.append((torch.stack((bins, cells)), weights * share_x * share_y))
    indices, values = zip(*corners, strict=True)
    size = (num_bins, num_images * height * width)
    return torch.sparse_coo_tensor(
        torch.cat(indices, dim=1), torch.cat(values), size, check_invariants=True
    )
