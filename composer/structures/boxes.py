"""Axis-aligned boxes.

Legend: B boxes. Coordinates are XYXY in pixels, continuous: a box from 0 to 2 is 2 pixels wide,
and the centre of the first pixel is at 0.5.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from composer.structures.box_rows import BoxRows


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
