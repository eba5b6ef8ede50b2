"""Convolutions of 3 x 3 by Winograd's minimal filtering, as products of matrices.

A tile of 4 x 4 outputs takes 36 multiplications for each pair of channels in place of 144 (Lavin
and Gray 2016). Tiles and kernels are evaluated at the points 0, 3/4, -3/4, 3/2, -3/2 and infinity;
with these, rounding errors are a quarter of those with the usual integers. Transforms are products
of matrices, too, so any points cost the same. Tiles are taken a few at a time, so that their
transforms stay in the processor's cache.

Legend: N images, C channels of the input, K channels of the output, H W height and width, T tiles.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Map = Float[Tensor, "N C H W"]

_OUTPUTS, _KERNEL = 4, 3
_INPUTS = _OUTPUTS + _KERNEL - 1  # a tile's side with what the kernel reaches beyond
_POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)
_TILES_AT_ONCE = 128


class _Transforms(NamedTuple):
    """The matrices of one dimension, after Lavin and Gray 2016, equation 8.

    Args:
        output: of the products, 4 x 6 (their A transposed).
        kernel: of the kernel, 6 x 3 (their G).
        tile: of the input, 6 x 6 (their B transposed).
    """

    output: Tensor
    kernel: Tensor
    tile: Tensor


def transform_kernels(weight: Float[Tensor, "K C 3 3"]) -> Float[Tensor, "36 C K"]:
    """Returns the kernels at pairs of points, for `convolve_tiles`.

    Args:
        weight: the weights of the convolution.
    """
    kernel = _find_transforms().kernel
    exact = torch.einsum("ia,kcab,jb->ijck", kernel, weight.double(), kernel)
    return exact.flatten(0, 1).to(weight.dtype).contiguous()


def count_tiles(x: Map) -> int:
    """The tiles of a batch of maps."""
    return x.shape[0] * -(-x.shape[2] // _OUTPUTS) * -(-x.shape[3] // _OUTPUTS)


def convolve_tiles(
    x: Map,
    kernels: Float[Tensor, "36 C K"],
    bias: Float[Tensor, " K"] | None = None,
    addend: Float[Tensor, "N K H W"] | None = None,
    *,
    is_rectified: bool = False,
) -> Float[Tensor, "N K H W"]:
    """Returns a convolution of 3 x 3 with a stride and a padding of 1, channels last.

    Args:
        x: the maps.
        kernels: from `transform_kernels`.
        bias: added to each channel.
        addend: maps that are added.
        is_rectified: whether negative values become zero, last.
    """
    images = x.permute(0, 2, 3, 1)
    num_images, height, width, _ = images.shape
    rows, columns = -(-height // _OUTPUTS), -(-width // _OUTPUTS)
    result = x.new_empty((num_images, height, width, kernels.shape[2]))
    added = None if addend is None else addend.permute(0, 2, 3, 1)
    for which, first, last in _split(num_images, rows, columns):
        part = _cut(images[which], first, last, columns)
        top, bottom = first * _OUTPUTS, min(last * _OUTPUTS, height)
        found = _convolve(part, kernels, last - first, columns)
        target = result[which, top:bottom]
        found = found[:, : bottom - top, :width]
        if bias is None:
            target.copy_(found)
        else:
            torch.add(found, bias, out=target)
        if added is not None:
            target.add_(added[which, top:bottom])
        if is_rectified:
            target.relu_()
    return result.permute(0, 3, 1, 2)


def _split(num_images: int, rows: int, columns: int) -> Iterator[tuple[slice, int, int]]:
    """Yields images, first row and last row of tiles: some whole images, or some rows of one."""
    images = max(1, _TILES_AT_ONCE // (rows * columns))
    step = rows if images > 1 else max(1, _TILES_AT_ONCE // columns)
    for image in range(0, num_images, images):
        for first in range(0, rows, step):
            yield slice(image, image + images), first, min(first + step, rows)


def _cut(images: Tensor, first: int, last: int, columns: int) -> Tensor:
    """Rows of tiles with what the kernel reaches beyond, zero outside of the image; N H W C."""
    height, width = images.shape[1:3]
    top, bottom = first * _OUTPUTS - 1, last * _OUTPUTS + 1
    inside = images[:, max(top, 0) : min(bottom, height)]
    right = columns * _OUTPUTS + 1 - width
    return F.pad(inside, (0, 0, 1, right, max(-top, 0), max(bottom - height, 0)))


def _convolve(padded: Tensor, kernels: Tensor, rows: int, columns: int) -> Tensor:
    """The outputs of tiles, N x 4 rows x 4 columns x K."""
    transforms = _find_product_transforms(padded.dtype)
    num_images, _, _, channels = padded.shape
    each, along, across, last = padded.stride()
    tiles = padded.as_strided(
        (_INPUTS, _INPUTS, num_images, rows, columns, channels),
        (along, across, each, _OUTPUTS * along, _OUTPUTS * across, last),
    )
    points = transforms.tile @ tiles.reshape(_INPUTS**2, -1)
    products = torch.bmm(points.view(_INPUTS**2, -1, channels), kernels)
    outputs = transforms.output @ products.view(_INPUTS**2, -1)
    return (
        outputs.view(_OUTPUTS, _OUTPUTS, num_images, rows, columns, -1)
        .permute(2, 3, 0, 4, 1, 5)
        .reshape(num_images, rows * _OUTPUTS, columns * _OUTPUTS, -1)
    )


@lru_cache
def _find_transforms() -> _Transforms:
    """The matrices for the points, by Lagrange's interpolation, in double precision."""
    points = torch.tensor(_POINTS, dtype=torch.float64)
    powers = points[:, None] ** torch.arange(_INPUTS)
    others = [points[points != point] for point in points]
    scales = torch.stack(
        [(point - rest).prod() for point, rest in zip(points, others, strict=True)]
    )
    infinity = torch.zeros(1, _INPUTS, dtype=torch.float64)
    infinity[0, -1] = 1.0
    output = torch.cat((powers[:, :_OUTPUTS], infinity[:, -_OUTPUTS:])).T
    kernel = torch.cat((powers[:, :_KERNEL] / scales[:, None], infinity[:, -_KERNEL:]))
    tile = torch.stack([_expand(roots) for roots in (*others, points)])
    return _Transforms(output, kernel, tile)


def _expand(roots: Tensor) -> Tensor:
    """The coefficients of the polynomial with these roots, the constant first, and zeros."""
    coefficients = torch.ones(1, dtype=torch.float64)
    for root in roots:
        coefficients = F.pad(coefficients, (1, 0)) - root * F.pad(coefficients, (0, 1))
    return F.pad(coefficients, (0, _INPUTS - len(coefficients)))


class _ProductTransforms(NamedTuple):
    """The matrices of both dimensions at once."""

    tile: Tensor
    output: Tensor


@lru_cache
def _find_product_transforms(dtype: torch.dtype) -> _ProductTransforms:
    found = _find_transforms()
    return _ProductTransforms(
        torch.kron(found.tile, found.tile).to(dtype),
        torch.kron(found.output, found.output).to(dtype),
    )
