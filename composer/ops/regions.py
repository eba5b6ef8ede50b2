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

    Raises:
        ValueError: a class has no offsets.
    """
    num_classes = offsets.shape[1] // dim
    if num_classes > 1 and bool(((classes < 0) | (classes >= num_classes)).any()):
        raise ValueError(
            f"Classes go from {int(classes.min())} to {int(classes.max())}, but there are offsets "
            f"of {num_classes} classes."
        )
    per_class = offsets.reshape(len(offsets), offsets.shape[1] // dim, dim)
    columns = classes if per_class.shape[1] > 1 else torch.zeros_like(classes)
    return per_class[torch.arange(len(offsets), device=offsets.device), columns]


def check_offsets(offsets: Float[Tensor, "R _"], num_classes: int, dim: int) -> None:
    """Checks that the offsets of regions, if there are any, are of one box or one for each class.

    Args:
        offsets: `dim` numbers a class, or `dim` numbers.
        num_classes: number of classes, without the background.
        dim: numbers of a box.

    Raises:
        ValueError: they are not.
    """
    if len(offsets) and offsets.shape[1] not in (dim, dim * num_classes):
        raise ValueError(
            f"{offsets.shape[1]} offsets a region are those of {offsets.shape[1] / dim:g} classes, "
            f"but num_classes is {num_classes}."
        )
