"""Ways to look at an image: resized, and in the mirror.

Legend: C channels, H W the image's height and width.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Shaped
from torch import Tensor

from composer.data import resize_image
from composer.structures import Boxes


@dataclass(frozen=True)
class View:
    """One way to look at an image.

    Args:
        size: (height, width) that the image is resized to.
        full_size: (height, width) of the image itself.
        is_mirrored: whether left and right change places.
    """

    size: tuple[int, int]
    full_size: tuple[int, int]
    is_mirrored: bool

    def show(self, image: Shaped[Tensor, "C H W"]) -> Shaped[Tensor, "C _ _"]:
        """The image as this view has it."""
        resized = _resize(image, self.size)
        return resized.flip(-1) if self.is_mirrored else resized

    def place(self, boxes: Boxes) -> Boxes:
        """Boxes of the image, in the view."""
        height, width = self.full_size
        scaled = boxes.scale(self.size[1] / width, self.size[0] / height)
        return _mirror(scaled, self.size[1]) if self.is_mirrored else scaled

    def take_back(self, boxes: Boxes) -> Boxes:
        """Boxes of the view, in the image."""
        height, width = self.full_size
        upright = _mirror(boxes, self.size[1]) if self.is_mirrored else boxes
        return upright.scale(width / self.size[1], height / self.size[0]).clip(self.full_size)


def _mirror(boxes: Boxes, width: int) -> Boxes:
    x0, y0, x1, y1 = boxes.tensor.unbind(1)
    return Boxes(torch.stack((width - x1, y0, width - x0, y1), dim=1))


def _resize(image: Shaped[Tensor, "C H W"], size: tuple[int, int]) -> Shaped[Tensor, "C _ _"]:
    """Bytes are resized as image files are, other values by torch."""
    if image.dtype != torch.uint8 or image.shape[0] != 3:
        return torch.nn.functional.interpolate(
            image[None].float(), size, mode="bilinear", antialias=True
        )[0]
    return resize_image(image.cpu(), size, exact=True).contiguous().to(image.device)
