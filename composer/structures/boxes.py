"""Axis-aligned boxes, and how much they overlap.

Legend: B boxes, M boxes on the left, N boxes on the right. Coordinates are XYXY in pixels,
continuous: a box from 0 to 2 is 2 pixels wide, and the centre of the first pixel is at 0.5.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from composer.structures.tensor_rows import BoxRows


class Boxes(BoxRows):
    """Boxes as rows of (x1, y1, x2, y2). Methods return new boxes and change none.

    Args:
        tensor: B rows of four numbers, or anything `torch.as_tensor` takes. Integers and half
            precision become float32. An empty one of any shape means no boxes.

    Raises:
        ValueError: it is not a matrix with four columns.
    """

    columns = 4
    form = "Boxes are rows of four numbers"
    tensor: Float[Tensor, "B 4"]

    def summary(self) -> str:
        """Describes the boxes in a few words."""
        return f"{len(self)} box{'' if len(self) == 1 else 'es'}"

    def area(self) -> Float[Tensor, "B"]:
        """Returns each box's area in square pixels."""
        x1, y1, x2, y2 = self.tensor.unbind(1)
        return (x2 - x1) * (y2 - y1)

    def get_centers(self) -> Float[Tensor, "B 2"]:
        """Returns each box's centre as (x, y)."""
        return (self.tensor[:, :2] + self.tensor[:, 2:]) / 2

    def get_sides(self) -> Float[Tensor, "B 2"]:
        """Returns each box's (width, height) in pixels."""
        return self.tensor[:, 2:] - self.tensor[:, :2]

    def inside_box(
        self, box_size: tuple[int, int], boundary_threshold: float = 0.0
    ) -> Bool[Tensor, "B"]:
        """Returns which boxes lie within an image, give or take a margin.

        Args:
            box_size: the image's (height, width).
            boundary_threshold: how far a box may reach over the border, in pixels.
        """
        height, width = box_size
        x1, y1, x2, y2 = self.tensor.unbind(1)
        return (
            (x1 >= -boundary_threshold)
            & (y1 >= -boundary_threshold)
            & (x2 < width + boundary_threshold)
            & (y2 < height + boundary_threshold)
        )

    def clip(self, box_size: tuple[int, int]) -> "Boxes":
        """Returns the boxes cut to an image of (height, width)."""
        height, width = box_size
        x = self.tensor[:, 0::2].clamp(min=0, max=width)
        y = self.tensor[:, 1::2].clamp(min=0, max=height)
        return Boxes(torch.stack((x[:, 0], y[:, 0], x[:, 1], y[:, 1]), dim=1))

    def scale(self, scale_x: float, scale_y: float) -> "Boxes":
        """Returns the boxes with x and y multiplied by a factor each."""
        return Boxes(self.tensor * self.tensor.new_tensor([scale_x, scale_y, scale_x, scale_y]))


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
