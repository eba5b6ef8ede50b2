"""Pixels of images for networks, and masks of their padding at the resolution of feature maps.

Legend: N images, H W the height and width of the padded images. `_` is the size of a map.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from composer.structures import ImageList


def match_pixels(images: ImageList, network: nn.Module) -> Float[Tensor, "N _ _ _"]:
    """Returns the pixels of images in the precision of a network's weights."""
    weight = next(network.parameters(), images.tensor)
    return images.tensor.to(weight.dtype)


def make_pixel_mask(images: ImageList) -> Bool[Tensor, "N H W"]:
    """Returns a mask of the pixels that are no padding."""
    height, width = images.tensor.shape[-2:]
    mask = torch.zeros((len(images), height, width), dtype=torch.bool, device=images.device)
    for index, (rows, columns) in enumerate(images.image_sizes):
        mask[index, :rows, :columns] = True
    return mask


def shrink_mask(mask: Bool[Tensor, "N H W"], size: tuple[int, int]) -> Bool[Tensor, "N _ _"]:
    """Returns a mask at the resolution of a map: the value of the nearest pixel.

    Args:
        mask: of the pixels.
        size: (height, width) of the map.
    """
    return F.interpolate(mask[None].float(), size=size)[0].to(torch.bool)
