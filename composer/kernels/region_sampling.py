"""A kernel that samples regions of a map with its channels last, compiled by numba.

The weights of bilinear interpolation are those of a row times those of a column, and so are sums
of them: each row of a region's grid is first summed over the rows of the map, then over its
columns. Coordinates are float32 numbers, rounded as torchvision's: those that a multiplication and
an addition make come from outside, as a compiler would round them once here.

Legend: N images, R regions, H W height and width of a map, C channels, P Q rows and columns of the
grid.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic, overload

# No assumption that numbers are finite: what is infinite or no number stays so.
_FAST = {"contract", "reassoc", "nsz"}


@intrinsic
def _widen(_context: Any, value: Any) -> Any:
    """A number as float32: itself, or bits of a bfloat16."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        (given,) = arguments
        if value == types.float32:
            return given
        bits = builder.zext(given, context.get_value_type(types.uint32))
        shifted = builder.shl(bits, context.get_constant(types.uint32, 16))
        return builder.bitcast(shifted, context.get_value_type(types.float32))

    return types.float32(value), generate


@intrinsic
def _bits_of(_context: Any, value: Any) -> Any:
    """The bits of a float32."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.uint32))

    return types.uint32(value), generate


@njit(nogil=True, inline="always")
def _round(value: Any) -> Any:
    """The bits of the nearest bfloat16, ties to even; what is no number stays none."""
    bits = _bits_of(value)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    rounded = (bits + np.uint32(0x7FFF) + odd) >> np.uint32(16)
    if value != value:
        rounded = np.uint32(0x7FC0)
    return np.uint16(rounded)


@njit(nogil=True)
def _weigh(starts: Any, step: Any, sampling_ratio: int, limit: int, weights: Any, ends: Any) -> int:
    """Fills in how much each cell counts in each bin of a direction, and which cells do.

    Args:
        starts: where each bin begins, in cells.
        step: the size of a bin, in cells.
        sampling_ratio: samples of a bin; 0 for as many as there are cells.
        limit: the number of cells of the map.
        weights: bins x cells; takes the weights.
        ends: bins x 2; takes the first cell of each bin, and the one after its last.

    Returns:
        The number of samples of a bin.
    """
    num_samples = sampling_ratio
    if num_samples == 0:
        # A region without a size, or whose size is no number, has no samples.
        num_samples = int(np.ceil(step)) if np.float32(0) < step < np.float32(1e9) else 0
    for place in range(starts.size):
        first, last = limit, -1
        for sample in range(num_samples):
            inner = np.float32(np.float32(sample) + np.float32(0.5)) * step
            position = starts[place] + np.float32(inner / np.float32(num_samples))
            if not (position >= np.float32(-1)) or position > np.float32(limit):
                continue
            position = max(position, np.float32(0))
            low = int(position)
            high = low + 1
            if low >= limit - 1:
                low = high = limit - 1
                position = np.float32(low)
            if last < 0:
                first, last = low, low
                weights[place, low] = np.float32(0)
            while last < high:  # cells in between count nothing
                last += 1
                weights[place, last] = np.float32(0)
            above = np.float32(position - np.float32(low))
            weights[place, low] += np.float32(1) - above
            weights[place, high] += above
        ends[place, 0], ends[place, 1] = first, last + 1
    return num_samples


@njit(nogil=True)
def _store_float(out: Any, total: Any) -> None:
    for c in range(total.size):
        out[c] = total[c]


@njit(nogil=True)
def _store_bits(out: Any, total: Any) -> None:
    for c in range(total.size):
        out[c] = _round(total[c])


def _store(out: Any, total: Any) -> None:
    """Puts numbers into a row of floats, or of bits of bfloat16."""
    raise NotImplementedError("numba compiles it")  # pragma: no cover


@overload(_store)
def _overload_store(out: Any, total: Any) -> Any:  # noqa: ARG001 - `total` is float32
    stored = _store_float if out.dtype == types.float32 else _store_bits

    def store(out: Any, total: Any) -> Any:
        stored(out, total)

    return store


@njit(nogil=True, fastmath=_FAST)
def _sum_rows(
    flat: Any, weights: Any, first: int, last: int, low: int, high: int, summed: Any
) -> None:
    """Sums rows of a map, from one place to another, two at a time."""
    size = high - low
    row = flat[first, low:high]
    weight = weights[first]
    y = first + 1
    if (last - first) % 2:
        for i in range(size):
            summed[i] = weight * _widen(row[i])
    else:
        other, second = flat[y, low:high], weights[y]
        for i in range(size):
            summed[i] = weight * _widen(row[i]) + second * _widen(other[i])
        y += 1
    while y < last:
        row, other = flat[y, low:high], flat[y + 1, low:high]
        weight, second = weights[y], weights[y + 1]
        for i in range(size):
            summed[i] += weight * _widen(row[i]) + second * _widen(other[i])
        y += 2


@njit(nogil=True, cache=True, fastmath=_FAST)
def pool_rows(
    map_: Any,
    images: Any,
    bins: tuple[Any, Any],
    steps: Any,
    rows: Any,
    sampling_ratio: int,
    out: Any,
) -> None:
    """Samples some regions of one map.

    Args:
        map_: N x H x W x C, float32 or the bits of bfloat16.
        images: the image of each region.
        bins: where the rows (R x P) and the columns (R x Q) of each region's grid begin, in cells.
        steps: R x 2, the height and width of a bin.
        rows: the regions to sample.
        sampling_ratio: samples of a bin in each direction; 0 for as many as there are cells.
        out: R x P x Q x C, of the map's type; takes the result.
    """
    _, height, width, channels = map_.shape
    num_rows, num_columns = out.shape[1], out.shape[2]
    row_weights = np.empty((num_rows, height), np.float32)
    column_weights = np.empty((num_columns, width), np.float32)
    row_ends = np.empty((num_rows, 2), np.int64)
    column_ends = np.empty((num_columns, 2), np.int64)
    summed = np.empty(width * channels, np.float32)
    total = np.empty(channels, np.float32)
    for region in rows:
        flat = map_[images[region]].reshape(height, width * channels)
        down = _weigh(
            bins[0][region], steps[region, 0], sampling_ratio, height, row_weights, row_ends
        )
        across = _weigh(
            bins[1][region], steps[region, 1], sampling_ratio, width, column_weights, column_ends
        )
        count = np.float32(max(down * across, 1))
        begin, end = width, 0
        for q in range(num_columns):
            if column_ends[q, 0] < column_ends[q, 1]:
                begin, end = min(begin, column_ends[q, 0]), max(end, column_ends[q, 1])
        for p in range(num_rows):
            first, last = row_ends[p, 0], row_ends[p, 1]
            if first >= last or begin >= end:
                out[region, p, :, :] = 0
                continue
            low = begin * channels
            _sum_rows(flat, row_weights[p], first, last, low, end * channels, summed)
            for q in range(num_columns):
                total[:] = np.float32(0)
                for x in range(column_ends[q, 0], column_ends[q, 1]):
                    weight = column_weights[q, x] / count
                    start = x * channels - low
                    for c in range(channels):
                        total[c] += weight * summed[start + c]
                _store(out[region, p, q], total)
