"""Regions of several images, one after the other in one tensor, and back to one tensor an image.

Legend: R regions over all images.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from composer.structures.boxes import Boxes
from composer.structures.rotated_boxes import RotatedBoxes


def index_regions(boxes: Sequence[Boxes]) -> Float[Tensor, "R 5"]:
    """Joins the boxes of all images, each with the number of its image in front.

    This is the form in which ROIAlign takes boxes: (image, x1, y1, x2, y2). No images make no
    regions.
    """
    return _index([one.tensor for one in boxes], torch.zeros(0, 5))


def index_rotated_regions(boxes: Sequence[RotatedBoxes]) -> Float[Tensor, "R 6"]:
    """Joins the rotated boxes of all images, each with the number of its image in front.

    This is the form in which `roi_align_rotated` takes boxes: (image, centre x, centre y, width,
    height, angle). No images make no regions.
    """
    return _index([one.tensor for one in boxes], torch.zeros(0, 6))


def split_regions(values: Tensor, counts: Sequence[int]) -> list[Tensor]:
    """Cuts a tensor of all regions into one an image.

    Args:
        values: regions along the first dimension, the first image's first.
        counts: number of regions of each image.

    Raises:
        ValueError: the counts do not add up to the number of regions.
    """
    if sum(counts) != len(values):
        raise ValueError(
            f"{len(values)} regions cannot be split into {' + '.join(map(str, counts)) or 0}."
        )
    return list(torch.split(values, list(counts)))


def _index(
    tensors: Sequence[Float[Tensor, "_ _"]], nothing: Float[Tensor, "0 _"]
) -> Float[Tensor, "R _"]:
    rows = [
        torch.cat((one.new_full((len(one), 1), float(image)), one), dim=1)
        for image, one in enumerate(tensors)
    ]
    return torch.cat(rows) if rows else nothing
