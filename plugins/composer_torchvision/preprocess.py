"""From a batch of images to one tensor, as torchvision's detectors do it.

Legend: C channels, `_` an image's own height and width, before and after resizing.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import PixelNormalization
from composer.ranges import Divisor, Finite, PixelSide, Positive, PositiveInt
from composer.structures import ImageBatch, ImageList, TensorShape, check_size
from composer.translation import translated_by

_FULL_RANGE = 255.0


class Preprocessed(NamedTuple):
    """Images ready for a backbone.

    Attributes:
        images: normalised, resized and padded to one size.
    """

    images: ImageList


@translated_by("composer_torchvision.onnx_translations:translate_preprocess")
class TorchvisionPreprocess(nn.Module):
    """Normalises images, resizes each, and pads them to one size: all within the graph.

    Images have values from 0 to 1, or integers from 0 to 255, and their own sizes. They are
    resized as tensors, after they were normalised, and sides are rounded down. Padding is zero.

    Args:
        pixel_mean: subtracted, per channel, in the images' own order (RGB).
        pixel_std: divisor, per channel.
        min_size: what the shorter side becomes, in pixels. In training one of several is drawn
            for each image; otherwise it is the last one.
        max_size: what the longer side does not exceed, if need be at the shorter one's expense.
        size_divisibility: the padded sides are multiples of it.
        fixed_size: the (height, width) that every image is stretched to, in place of `min_size`
            and `max_size`.

    Raises:
        ValueError: mean and deviation differ in length, a deviation is zero, or there is no size.
    """

    def __init__(
        self,
        *,
        pixel_mean: tuple[Finite, ...] = (0.485, 0.456, 0.406),
        pixel_std: tuple[Positive, ...] = (0.229, 0.224, 0.225),
        min_size: tuple[PixelSide, ...] = (800,),
        max_size: PositiveInt = 1333,
        size_divisibility: Divisor = 32,
        fixed_size: tuple[PixelSide, PixelSide] | None = None,
    ) -> None:
        super().__init__()
        if not min_size or min(min_size) < 1 or max_size < 1:
            raise ValueError(f"Sizes are positive: min_size {min_size}, max_size {max_size}.")
        self.normalization = PixelNormalization(pixel_mean, pixel_std)
        self.min_size = min_size
        self.max_size = max_size
        self.size_divisibility = size_divisibility
        self.fixed_size = fixed_size

    @property
    def output_shape(self) -> TensorShape:
        """As many channels as there are means, at full resolution."""
        return TensorShape(channels=self.normalization.num_channels, stride=1)

    def forward(self, batch: ImageBatch, generator: torch.Generator) -> Preprocessed:
        """Returns the images in one tensor; no images make a tensor of no images.

        Args:
            batch: the images.
            generator: what sizes are drawn with.

        Raises:
            ValueError: an image has another number of channels than the mean.
        """
        normalized = self.normalization(batch.images, full_range=_FULL_RANGE)
        images = [self._resize(image, generator) for image in normalized]
        empty_size = self.fixed_size or (1, 1)
        return Preprocessed(
            self.normalization.stack(images, self.size_divisibility, empty_size=empty_size)
        )

    def _resize(
        self, image: Float[Tensor, "_ _ _"], generator: torch.Generator
    ) -> Float[Tensor, "_ _ _"]:
        size = self.fixed_size or self._choose_size(image, generator)
        check_size(image, (image.shape[0], *size), f"An image, resized to {size[0]} x {size[1]},")
        return F.interpolate(image[None], size=size, mode="bilinear", align_corners=False)[0]

    def _choose_size(
        self, image: Float[Tensor, "_ _ _"], generator: torch.Generator
    ) -> tuple[int, int]:
        min_size = self.min_size[-1]
        if self.training and len(self.min_size) > 1:
            device = generator.device
            drawn = torch.randint(len(self.min_size), (), generator=generator, device=device)
            min_size = self.min_size[int(drawn)]
        return choose_size(image.shape[1], image.shape[2], min_size, self.max_size)


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
