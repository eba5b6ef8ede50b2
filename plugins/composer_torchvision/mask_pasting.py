"""Masks of regions pasted into an image on whole pixels, as Detectron1 did it.

Legend: R regions, M the side of a region's mask, H W the image's height and width, `_` the height
and width of one box.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

# A border of zeros around each mask keeps its edge from being cut off by interpolation.
_BORDER = 1


def paste_on_whole_pixels(
    masks: Float[Tensor, "R M M"],
    boxes: Float[Tensor, "R 4"],
    image_size: tuple[int, int],
    threshold: float = 0.5,
) -> Bool[Tensor, "R H W"]:
    """Stretches each mask over the whole pixels of its box, and cuts it off at the image.

    Boxes are rounded towards zero and hold their last pixel: a box from 2 to 4 is 3 pixels wide.

    Args:
        masks: foreground probabilities on a regular grid over each box.
        boxes: XYXY in pixels of the image, finite.
        image_size: the image's (height, width).
        threshold: a pixel belongs to the mask from this probability on.
    """
    height, width = image_size
    pasted = torch.zeros(len(masks), height, width, dtype=torch.bool, device=masks.device)
    bordered = F.pad(masks, (_BORDER,) * 4)
    corners = _grow(boxes, bordered.shape[-1] / masks.shape[-1]).long().tolist()
    for row, (x1, y1, x2, y2) in enumerate(corners):
        size = (max(y2 - y1 + 1, 1), max(x2 - x1 + 1, 1))
        top, bottom = max(y1, 0), min(y2 + 1, height)
        left, right = max(x1, 0), min(x2 + 1, width)
        if bottom <= top or right <= left:
            continue
        stretched = _stretch(bordered[row], size)[top - y1 : bottom - y1, left - x1 : right - x1]
        pasted[row, top:bottom, left:right] = stretched >= threshold
    return pasted


def _grow(boxes: Float[Tensor, "R 4"], factor: float) -> Float[Tensor, "R 4"]:
    """Makes boxes larger around their centres."""
    center = (boxes[:, :2] + boxes[:, 2:]) * 0.5
    half = (boxes[:, 2:] - boxes[:, :2]) * 0.5 * factor
    return torch.cat((center - half, center + half), dim=1)


def _stretch(mask: Float[Tensor, "_ _"], size: tuple[int, int]) -> Float[Tensor, "_ _"]:
    return F.interpolate(mask[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
