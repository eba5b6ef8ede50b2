"""How much boxes overlap.

Legend: M boxes on the left, N boxes on the right.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from composer.structures.boxes import Boxes


def pairwise_intersection(left: Boxes, right: Boxes) -> Float[Tensor, "M N"]:
    """Returns the area in square pixels that each pair of boxes shares."""
    x1, y1, x2, y2 = left.tensor[:, None].unbind(2)
    other_x1, other_y1, other_x2, other_y2 = right.tensor[None].unbind(2)
    width = torch.min(x2, other_x2) - torch.max(x1, other_x1)
    height = torch.min(y2, other_y2) - torch.max(y1, other_y1)
    return width.clamp(min=0) * height.clamp(min=0)


def pairwise_iou(left: Boxes, right: Boxes) -> Float[Tensor, "M N"]:
    """Returns the intersection over union of each pair of boxes, 0 where they are disjoint."""
    intersection = pairwise_intersection(left, right)
    union = left.area()[:, None] + right.area()[None, :] - intersection
    return _divide_where_positive(intersection, union)


def pairwise_ioa(left: Boxes, right: Boxes) -> Float[Tensor, "M N"]:
    """Returns the intersection of each pair over the area of the right box."""
    intersection = pairwise_intersection(left, right)
    return _divide_where_positive(intersection, right.area()[None, :].expand_as(intersection))


def _divide_where_positive(
    intersection: Float[Tensor, "M N"], area: Float[Tensor, "M N"]
) -> Float[Tensor, "M N"]:
    ratio = intersection / area
    return torch.where(intersection > 0, ratio, torch.zeros_like(ratio))
