"""From a batch of images to one normalised, padded tensor.

Legend: C channels, `_` an image's own height and width.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from composer.ranges import Finite, NonNegativeInt, Positive
from composer.structures import ImageBatch, ImageList, TensorShape


class Preprocessed(NamedTuple):
    """Images ready for a backbone.

    Attributes:
        images: normalised and padded to one size.
    """

    images: ImageList


class Preprocess(nn.Module):
    """Normalises the images of a batch, channel by channel, and pads them to one size.

    Padding comes after the normalisation and is zero, which is the mean colour.

    Args:
        pixel_mean: what is subtracted, per channel, in the images' own order (BGR for
            detectron2's weights) and range (0 to 255).
        pixel_std: what is divided by, per channel.
        size_divisibility: the padded sides are multiples of it: the stride of the backbone's
            deepest level where levels are added to each other (FPN); 0 for none.
        square_size: pad both sides to at least this many pixels; 0 for none.

    Raises:
        ValueError: mean and deviation differ in length, or a deviation is zero.
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(
        self,
        *,
        pixel_mean: tuple[Finite, ...] = (103.53, 116.28, 123.675),
        pixel_std: tuple[Positive, ...] = (1.0, 1.0, 1.0),
        size_divisibility: NonNegativeInt = 0,
        square_size: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        if len(pixel_mean) != len(pixel_std) or not pixel_mean:
            raise ValueError(
                f"pixel_mean has {len(pixel_mean)} channels and pixel_std {len(pixel_std)}: "
                "give both one number a channel."
            )
        if 0 in pixel_std:
            raise ValueError("pixel_std divides: it cannot be zero.")
        self.size_divisibility = size_divisibility
        self.square_size = square_size
        self.register_buffer("pixel_mean", torch.tensor(pixel_mean)[:, None, None], False)
        self.register_buffer("pixel_std", torch.tensor(pixel_std)[:, None, None], False)

    @property
    def output_shape(self) -> TensorShape:
        """As many channels as there are means, at full resolution."""
        return TensorShape(channels=len(self.pixel_mean), stride=1)

    def forward(self, batch: ImageBatch) -> Preprocessed:
        """Returns the images in one tensor; no images make a tensor of no images.

        Raises:
            ValueError: an image has another number of channels than the mean.
        """
        images = [self._normalize(image, index) for index, image in enumerate(batch.images)]
        # Without images, the size of one that has a single pixel.
        padded = images or [self.pixel_mean.new_zeros(len(self.pixel_mean), 1, 1)]
        image_list = ImageList.from_tensors(
            padded, self.size_divisibility, square_size=self.square_size
        )
        return Preprocessed(image_list if images else ImageList(image_list.tensor[:0], []))

    def _normalize(self, image: Shaped[Tensor, "_ _ _"], index: int) -> Float[Tensor, "_ _ _"]:
        if len(image) != len(self.pixel_mean):
            raise ValueError(
                f"Record {index}: 'image' has the shape {tuple(image.shape)}, but C x H x W with "
                f"{len(self.pixel_mean)} channels is wanted (pixel_mean has as many numbers)."
            )
        return (image.to(self.pixel_mean) - self.pixel_mean) / self.pixel_std
