"""Normalisation of images by the mean and deviation of their channels.

Legend: C channels, `_` an image's own height and width.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from composer.structures import ImageList


class PixelNormalization(nn.Module):
    """Normalises the images of a batch, channel by channel. It has no weights.

    Args:
        pixel_mean: subtracted, per channel.
        pixel_std: divisor, per channel.

    Raises:
        ValueError: mean and deviation differ in length, or a deviation is zero.
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, pixel_mean: Sequence[float], pixel_std: Sequence[float]) -> None:
        super().__init__()
        if len(pixel_mean) != len(pixel_std) or not pixel_mean:
            raise ValueError(
                f"pixel_mean has {len(pixel_mean)} channels and pixel_std {len(pixel_std)}: "
                "give both one number a channel."
            )
        if 0 in pixel_std:
            raise ValueError("pixel_std divides: it cannot be zero.")
        self.register_buffer("pixel_mean", torch.tensor(pixel_mean)[:, None, None], False)
        self.register_buffer("pixel_std", torch.tensor(pixel_std)[:, None, None], False)

    @property
    def num_channels(self) -> int:
        """The number of channels, C."""
        return len(self.pixel_mean)

    def forward(
        self, images: Sequence[Shaped[Tensor, "_ _ _"]], *, full_range: float | None = None
    ) -> list[Float[Tensor, "_ _ _"]]:
        """Returns the images normalised.

        Args:
            images: the images, C x H x W each.
            full_range: what images of integers are divided by first.

        Raises:
            ValueError: an image has another number of channels than the mean.
        """
        normalized = []
        for index, image in enumerate(images):
            if len(image) != self.num_channels:
                is_gray = len(image) == 1 < self.num_channels
                hint = f" A gray one is image.expand({self.num_channels}, -1, -1)."
                raise ValueError(
                    f"Record {index}: 'image' has the shape {tuple(image.shape)}, but C x H x W "
                    f"with {self.num_channels} channels is expected (as many as in pixel_mean)."
                    + (hint if is_gray else "")
                )
            values = image.to(self.pixel_mean)
            if full_range is not None and not image.is_floating_point():
                values = values / full_range
            normalized.append((values - self.pixel_mean) / self.pixel_std)
        return normalized

    def stack(
        self,
        images: Sequence[Float[Tensor, "_ _ _"]],
        size_divisibility: int = 0,
        square_size: int = 0,
        empty_size: tuple[int, int] = (1, 1),
    ) -> ImageList:
        """Returns images padded into one tensor; no images make a tensor of no images.

        Args:
            images: normalised images. Padding is zero, which is the mean colour.
            size_divisibility: the padded sides are multiples of it; 0 for none.
            square_size: pad both sides to at least this many pixels; 0 for none.
            empty_size: (height, width) of no images, before padding.
        """
        if images:
            return ImageList.from_tensors(images, size_divisibility, square_size=square_size)
        pixel = self.pixel_mean.new_zeros(self.num_channels, *empty_size)
        padded = ImageList.from_tensors([pixel], size_divisibility, square_size=square_size)
        return ImageList(padded.tensor[:0], [])
