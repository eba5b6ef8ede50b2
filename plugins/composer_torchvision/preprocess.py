"""From a batch of images to one tensor, as torchvision's detectors do it.

Legend: C channels, `_` an image's own height and width, before and after resizing.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from composer.ranges import Finite, NonNegativeInt, Positive, PositiveInt
from composer.structures import ImageBatch, ImageList, TensorShape

_FULL_RANGE = 255.0


class Preprocessed(NamedTuple):
    """Images ready for a backbone.

    Attributes:
        images: normalised, resized and padded to one size.
    """

    images: ImageList


class TorchvisionPreprocess(nn.Module):
    """Normalises images, resizes each, and pads them to one size: all within the graph.

    Images have values from 0 to 1, or integers from 0 to 255, and their own sizes. They are
    resized as tensors, after they were normalised, and sides are rounded down. Padding is zero.

    Args:
        pixel_mean: what is subtracted, per channel, in the images' own order (RGB).
        pixel_std: what is divided by, per channel.
        min_size: what the shorter side becomes, in pixels. In training one of several is drawn
            for each image; otherwise it is the last one.
        max_size: what the longer side does not exceed, if need be at the shorter one's expense.
        size_divisibility: the padded sides are multiples of it.

    Raises:
        ValueError: mean and deviation differ in length, a deviation is zero, or there is no size.
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(
        self,
        *,
        pixel_mean: tuple[Finite, ...] = (0.485, 0.456, 0.406),
        pixel_std: tuple[Positive, ...] = (0.229, 0.224, 0.225),
        min_size: tuple[PositiveInt, ...] = (800,),
        max_size: PositiveInt = 1333,
        size_divisibility: NonNegativeInt = 32,
    ) -> None:
        super().__init__()
        if len(pixel_mean) != len(pixel_std) or not pixel_mean:
            raise ValueError(
                f"pixel_mean has {len(pixel_mean)} channels and pixel_std {len(pixel_std)}: "
                "give both one number a channel."
            )
        if 0 in pixel_std:
            raise ValueError("pixel_std divides: it cannot be zero.")
        if not min_size or min(min_size) < 1 or max_size < 1:
            raise ValueError(f"Sizes are positive: min_size {min_size}, max_size {max_size}.")
        self.min_size = min_size
        self.max_size = max_size
        self.size_divisibility = size_divisibility
        self.register_buffer("pixel_mean", torch.tensor(pixel_mean)[:, None, None], False)
        self.register_buffer("pixel_std", torch.tensor(pixel_std)[:, None, None], False)

    @property
    def output_shape(self) -> TensorShape:
        """As many channels as there are means, at full resolution."""
        return TensorShape(channels=len(self.pixel_mean), stride=1)

    def forward(self, batch: ImageBatch, generator: torch.Generator) -> Preprocessed:
        """Returns the images in one tensor; no images make a tensor of no images.

        Args:
            batch: the images.
            generator: what sizes are drawn with.

        Raises:
            ValueError: an image has another number of channels than the mean.
        """
        images = [
            self._resize(self._normalize(image, index), generator)
            for index, image in enumerate(batch.images)
        ]
        # Without images, the size of one that has a single pixel.
        padded = images or [self.pixel_mean.new_zeros(len(self.pixel_mean), 1, 1)]
        image_list = ImageList.from_tensors(padded, self.size_divisibility)
        return Preprocessed(image_list if images else ImageList(image_list.tensor[:0], []))

    def _normalize(self, image: Shaped[Tensor, "_ _ _"], index: int) -> Float[Tensor, "_ _ _"]:
        if len(image) != len(self.pixel_mean):
            raise ValueError(
                f"Record {index}: 'image' has the shape {tuple(image.shape)}, but C x H x W with "
                f"{len(self.pixel_mean)} channels is wanted (pixel_mean has as many numbers)."
            )
        values = image.to(self.pixel_mean)
        if not image.is_floating_point():
            values = values / _FULL_RANGE
        return (values - self.pixel_mean) / self.pixel_std

    def _resize(
        self, image: Float[Tensor, "_ _ _"], generator: torch.Generator
    ) -> Float[Tensor, "_ _ _"]:
        min_size = self.min_size[-1]
        if self.training and len(self.min_size) > 1:
            device = generator.device
            drawn = torch.randint(len(self.min_size), (), generator=generator, device=device)
            min_size = self.min_size[int(drawn)]
        size = choose_size(image.shape[1], image.shape[2], min_size, self.max_size)
        return F.interpolate(image[None], size=size, mode="bilinear", align_corners=False)[0]


def choose_size(height: int, width: int, min_size: int, max_size: int) -> tuple[int, int]:
    """Returns the (height, width) that an image is resized to, keeping its proportions.

    Args:
        height: rows of the image.
        width: columns of the image.
        min_size: what the shorter side becomes, unless
        max_size: the longer one would exceed this.
    """
    scale = min(min_size / min(height, width), max_size / max(height, width))
    return max(1, int(height * scale)), max(1, int(width * scale))
