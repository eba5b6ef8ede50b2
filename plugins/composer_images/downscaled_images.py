"""Smaller copies of images."""

import torch.nn.functional as F
from torch import nn

from composer.ranges import PositiveInt
from composer.structures import ImageList, TensorShape
from composer.translation import translated_by


@translated_by("composer_images.onnx_translations:translate_downscaled_images")
class DownscaledImages(nn.Module):
    """Averages blocks of pixels: the second level of an image pyramid.

    Args:
        images_shape: the shape of the images.
        factor: pixels of a block's side.
    """

    def __init__(self, *, images_shape: TensorShape, factor: PositiveInt = 2) -> None:
        super().__init__()
        self.factor = factor
        self._output_shape = images_shape

    @property
    def output_shape(self) -> TensorShape:
        """That of the images: strides count the copy's own pixels."""
        return self._output_shape

    def forward(self, images: ImageList) -> ImageList:
        """Returns the copies.

        Raises:
            ValueError: a padded side is no multiple of the factor.
        """
        factor = self.factor
        height, width = images.tensor.shape[-2:]
        if height % factor or width % factor:
            raise ValueError(
                f"Images of {height} x {width} pixels have no whole number of blocks of {factor} x "
                f"{factor}. Pad them to a multiple (size_divisibility)."
            )
        sizes = [
            (-(-height // factor), -(-width // factor)) for height, width in images.image_sizes
        ]
        return ImageList(F.avg_pool2d(images.tensor, factor), sizes)
