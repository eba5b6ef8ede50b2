"""Regions of several images, one after the other in one tensor, and back to one tensor an image.

Legend: R regions over all images. `_` is one number more than a box has.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from composer.ops.box_kinds import find_box_kind
from composer.structures import AnyBoxes


def index_regions(boxes: Sequence[AnyBoxes]) -> Float[Tensor, "R _"]:
    """Joins the boxes of all images, each with the number of its image in front.

    This is the form in which ROIAlign takes boxes: (image, x1, y1, x2, y2), or (image, centre x,
    centre y, width, height, angle). No images make no regions.
    """
    rows = [
        torch.cat((one.tensor.new_full((len(one), 1), float(image)), one.tensor), dim=1)
        for image, one in enumerate(boxes)
    ]
    return torch.cat(rows) if rows else torch.zeros(0, 1 + find_box_kind(boxes).dim)


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
