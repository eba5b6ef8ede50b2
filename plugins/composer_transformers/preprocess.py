"""From a batch of images to one tensor, by an image processor of transformers.

Legend: N images, C channels, H W the height and width of the padded images.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from composer.structures import ImageBatch, ImageList, TensorShape
from composer_transformers.processors import build_processor

_NUM_CHANNELS = 3
_SIDE = 64  # of an image in place of none


class Preprocessed(NamedTuple):
    """Images ready for a backbone.

    Attributes:
        images: resized, normalised, and padded to one size.
    """

    images: ImageList


class TransformersPreprocess(nn.Module):
    """Resizes, normalises and pads images as an image processor of transformers does.

    Images are RGB with values from 0 to 255, of their own sizes.

    Args:
        processor: the class of the processor (`DetrImageProcessor`), or a kind of model
            (`detr`) for that kind's.
        options: what differs from the processor's defaults, as in a `preprocessor_config.json`.
    """

    def __init__(self, *, processor: str, options: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.processor = build_processor(processor, options or {})

    @property
    def output_shape(self) -> TensorShape:
        """Three channels at full resolution."""
        return TensorShape(channels=_NUM_CHANNELS, stride=1)

    def forward(self, batch: ImageBatch) -> Preprocessed:
        """Returns the images in one tensor.

        transformers' networks do not run without images, so that in inference a batch of none is
        one black image to them, of which nothing is returned in the end.

        Raises:
            ValueError: an image has not three channels, the images have different sizes and are
                not padded, or there are none in training.
        """
        images = batch.images
        for index, image in enumerate(images):
            if len(image) != _NUM_CHANNELS:
                raise ValueError(f"Image {index} has {len(image)} channels; it must have 3 (RGB).")
        if not images and self.training:
            raise ValueError("There are no images to train on.")
        images = images or [torch.zeros(_NUM_CHANNELS, _SIDE, _SIDE, dtype=torch.uint8)]
        found = self._process(images)
        pixels: Tensor = found["pixel_values"]
        return Preprocessed(ImageList(pixels, _find_sizes(found.get("pixel_mask"), pixels)))

    def _process(self, images: list[Tensor]) -> Any:
        """What the processor makes of images.

        Raises:
            ValueError: they have different sizes in the end.
        """
        try:
            return self.processor(images=images, return_tensors="pt")
        except RuntimeError as error:
            alone = [self.processor(images=[one], return_tensors="pt") for one in images]
            sizes = {tuple(one["pixel_values"].shape[2:]) for one in alone}
            if len(sizes) == 1:
                raise
            shown = ", ".join(f"{height}x{width}" for height, width in sorted(sizes))
            raise ValueError(
                f"The images have several sizes after preprocessing ({shown}), and the image "
                "processor does not pad them: run one image at a time, or give it a fixed `size` "
                "or `do_pad: true`."
            ) from error


def _find_sizes(mask: Tensor | None, pixels: Tensor) -> list[tuple[int, int]]:
    """The size of each image without its padding."""
    if mask is None:
        height, width = pixels.shape[-2:]
        return [(height, width)] * len(pixels)
    rows, columns = mask[:, :, 0].sum(dim=1), mask[:, 0, :].sum(dim=1)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))
