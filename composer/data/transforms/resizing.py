"""Resamples a sample to another size.

Legend: C channels, H W the height and width before, h w those after.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Shaped
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate
from typing_extensions import override

from composer.data.image_size import resize
from composer.data.samples import Sample
from composer.data.transforms.moving import move_sample
from composer.data.transforms.transform import Fill, Matrix, Size, Transform


@dataclass(frozen=True)
class Resize(Transform):
    """Stretches or shrinks an image: bilinearly, averaging where it shrinks.

    Args:
        size: (height, width) of the image.
        new_size: (height, width) of the result.
        exact: whether pixels are Pillow's; see `resize_sample`.
    """

    size: Size
    new_size: Size
    exact: bool = False

    @property
    def matrix(self) -> Matrix:
        """Scales x and y."""
        (height, width), (new_height, new_width) = self.size, self.new_size
        return np.diag([new_width / width, new_height / height, 0.0])[:2]

    @override
    def move_pixels(self, pixels: Shaped[Tensor, "C H W"], fill: Fill) -> Shaped[Tensor, "C h w"]:
        exact = self.exact and pixels.dtype == torch.uint8 and len(pixels) == 3
        return resize_image(pixels, self.new_size, exact=exact)

    @override
    def move_labels(self, labels: Shaped[Tensor, "*N H W"], fill: int) -> Shaped[Tensor, "*N h w"]:
        return resize_labels(labels, self.new_size)

    def inverse(self) -> Resize:
        """Resizes back."""
        return Resize(self.new_size, self.size, self.exact)


def resize_sample(sample: Sample, size: tuple[int, int], *, exact: bool = False) -> Sample:
    """Stretches or shrinks image, coordinates, masks and maps.

    Args:
        sample: the sample.
        size: (height, width) of the result.
        exact: whether pixels are Pillow's, as detectron2's are. Otherwise torchvision resamples:
            several times faster, and off by one or two in 255 at a pixel in a thousand.
    """
    old_size = sample.height, sample.width
    if old_size == tuple(size):
        return sample
    return move_sample(sample, Resize(old_size, size, exact))


def resize_image(
    image: Shaped[Tensor, "C H W"], size: tuple[int, int], *, exact: bool = False
) -> Shaped[Tensor, "C h w"]:
    """Resamples bilinearly, averaging where it shrinks; see `resize_sample`."""
    if exact:
        rows = image.permute(1, 2, 0).contiguous().numpy()
        resized = np.array(resize(Image.fromarray(rows), size))
        return torch.from_numpy(resized).permute(2, 0, 1)
    return _resample(image, size)


def _resample(image: Shaped[Tensor, "C H W"], size: tuple[int, int]) -> Shaped[Tensor, "C h w"]:
    """Resamples as torchvision's `resize` does, which takes as long to import as torch."""
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    if not image.numel():
        return image.new_zeros((*image.shape[:-2], *size))
    dtypes = (torch.float32, torch.float64, *((torch.uint8,) if _resamples_bytes() else ()))
    given = image if image.dtype in dtypes else image.float()
    resized = interpolate(
        _with_batch(given), size=list(size), mode="bilinear", align_corners=False, antialias=True
    )[0]
    if given.dtype == image.dtype:
        return resized
    return (resized if image.dtype.is_floating_point else resized.round_()).to(image.dtype)


def _resamples_bytes() -> bool:
    """Whether torch has fast instructions for bytes on this processor."""
    is_vector = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    return is_vector or platform.machine() in ("aarch64", "arm64")


def _with_batch(image: Shaped[Tensor, "C H W"]) -> Shaped[Tensor, "1 C H W"]:
    """A batch of one image; with channels last in memory, it is strided so that torch sees that."""
    batch = image[None]
    if batch.is_contiguous(memory_format=torch.channels_last) and batch.stride(0) != image.numel():
        batch = batch.as_strided(batch.shape, (image.numel(), *batch.stride()[1:]))
    return batch


def resize_labels(labels: Shaped[Tensor, "*N H W"], size: tuple[int, int]) -> Tensor:
    """Takes for each pixel the label of the one at its place, the nearest to its centre.

    Args:
        labels: values that must not be mixed: classes, ids, true and false.
        size: (height, width) of the result.
    """
    rows = _nearest(labels.shape[-2], size[0])
    columns = _nearest(labels.shape[-1], size[1])
    # Twice as fast as torch's own ways, which also round some places differently.
    return torch.from_numpy(labels.numpy().take(rows, axis=-2).take(columns, axis=-1))


def _nearest(length: int, wanted: int) -> NDArray[np.int64]:
    """For each place after resizing the place before; centres lie on centres.

    Where a centre falls between two places, rounding decides; adding up step by step decides as
    Pillow does.
    """
    steps = np.full(wanted, length / wanted)
    steps[0] /= 2
    return np.minimum(np.cumsum(steps).astype(np.int64), length - 1)
