"""From a batch of images to one normalised, padded tensor."""

from typing import NamedTuple

from torch import nn

from composer.layers import PixelNormalization
from composer.ranges import Divisor, Finite, OptionalPixelSide, Positive
from composer.structures import ImageBatch, ImageList, TensorShape
from composer.translation import translated_by


class Preprocessed(NamedTuple):
    """Images ready for a backbone.

    Attributes:
        images: normalised and padded to one size.
    """

    images: ImageList


@translated_by("composer_images.onnx_translations:translate_preprocess")
class Preprocess(nn.Module):
    """Normalises the images of a batch, channel by channel, and pads them to one size.

    Padding comes after the normalisation and is zero, which is the mean colour.

    Args:
        pixel_mean: subtracted, per channel, in the images' own order (BGR for
            detectron2's weights) and range (0 to 255).
        pixel_std: divisor, per channel.
        size_divisibility: the padded sides are multiples of it: the stride of the backbone's
            deepest level where levels are added to each other (FPN); 0 for none.
        square_size: pad both sides to at least this many pixels; 0 for none.

    Raises:
        ValueError: mean and deviation differ in length, or a deviation is zero.
    """

    def __init__(
        self,
        *,
        pixel_mean: tuple[Finite, ...] = (103.53, 116.28, 123.675),
        pixel_std: tuple[Positive, ...] = (1.0, 1.0, 1.0),
        size_divisibility: Divisor = 0,
        square_size: OptionalPixelSide = 0,
    ) -> None:
        super().__init__()
        self.normalization = PixelNormalization(pixel_mean, pixel_std)
        self.size_divisibility = size_divisibility
        self.square_size = square_size

    @property
    def output_shape(self) -> TensorShape:
        """As many channels as there are means, at full resolution."""
        return TensorShape(channels=self.normalization.num_channels, stride=1)

    def forward(self, batch: ImageBatch) -> Preprocessed:
        """Returns the images in one tensor; no images make a tensor of no images.

        Raises:
            ValueError: an image has another number of channels than the mean.
        """
        images = self.normalization(batch.images)
        return Preprocessed(
            self.normalization.stack(images, self.size_divisibility, self.square_size)
        )
