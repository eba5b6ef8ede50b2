"""Regions of several images in one tensor, joined and split; and their offsets by class.

Legend: R regions over all images, D numbers of a box. `_` is D offsets for one or all classes, one
number more than a box has, or the regions with an object.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
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


def pick_class_offsets(
    offsets: Float[Tensor, "R _"], classes: Int[Tensor, "R"], dim: int
) -> Float[Tensor, "R D"]:
    """Returns each region's offsets (or box) for its class, or those that the classes share.

    Args:
        offsets: `dim` numbers a class, or `dim` numbers.
        classes: the class of each region.
        dim: numbers of a box.
    """
    per_class = offsets.reshape(len(offsets), offsets.shape[1] // dim, dim)
    columns = classes if per_class.shape[1] > 1 else torch.zeros_like(classes)
    return per_class[torch.arange(len(offsets), device=offsets.device), columns]
