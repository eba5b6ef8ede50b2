"""Boxes at any angle.

Legend: B boxes. Coordinates are in pixels, continuous, as those of `Boxes`; angles are degrees.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from composer.structures.boxes import Boxes
from composer.structures.tensor_rows import BoxRows


class RotatedBoxes(BoxRows):
    """Boxes as rows of (centre x, centre y, width, height, angle).

    A box is first laid out along the axes and then turned around its centre, counter-clockwise
    as seen by the viewer for a positive angle. Two boxes of angles that differ by 180 degrees
    cover the same region, but their first corner is another one: pooled features differ.
    Methods return new boxes and change none.

    Args:
        tensor: B rows of five numbers, or anything `torch.as_tensor` takes. Integers and half
            precision become float32. An empty one of any shape means no boxes.

    Raises:
        ValueError: it is not a matrix with five columns.
    """

    columns = 5
    form = "Rotated boxes are rows of five numbers"
    tensor: Float[Tensor, "B 5"]

    def summary(self) -> str:
        """Describes the boxes in a few words."""
        return f"{len(self)} rotated box{'' if len(self) == 1 else 'es'}"

    def area(self) -> Float[Tensor, "B"]:
        """Returns each box's area in square pixels."""
        return self.tensor[:, 2] * self.tensor[:, 3]

    def get_centers(self) -> Float[Tensor, "B 2"]:
        """Returns each box's centre as (x, y)."""
        return self.tensor[:, :2]

    def get_corners(self) -> Float[Tensor, "B 4 2"]:
        """Returns each box's corners as (x, y), going around.

        At an angle of zero they start at the upper left and go on to the upper right.
        """
        center, half = self.tensor[:, None, :2], self.tensor[:, None, 2:4] / 2
        signs = self.tensor.new_tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        return center + rotate_points(signs * half, self.tensor[:, None, 4])

    def get_bounding_boxes(self) -> Boxes:
        """Returns the tightest axis-aligned boxes around the boxes."""
        center, extent = self.tensor[:, :2], self._find_extent()
        return Boxes(torch.cat((center - extent, center + extent), dim=1))

    def get_sides(self) -> Float[Tensor, "B 2"]:
        """Returns each box's (width, height) in pixels."""
        return self.tensor[:, 2:4]

    def inside_box(
        self, box_size: tuple[int, int], boundary_threshold: float = 0.0
    ) -> Bool[Tensor, "B"]:
        """Returns which boxes lie within an image with all corners, give or take a margin.

        Args:
            box_size: the image's (height, width).
            boundary_threshold: how far a corner may reach over the border, in pixels.
        """
        return self.get_bounding_boxes().inside_box(box_size, boundary_threshold)

    def normalize_angles(self) -> "RotatedBoxes":
        """Returns the boxes with angles from -180 to below 180 degrees."""
        angle = normalize_angles(self.tensor[:, 4:])
        return RotatedBoxes(torch.cat((self.tensor[:, :4], angle), dim=1))

    def clip(self, box_size: tuple[int, int], clip_angle_threshold: float = 1.0) -> "RotatedBoxes":
        """Returns the boxes with normalised angles, those that lie flat cut to an image.

        A box that is turned by more stays as it is: no rectangle is what lies of it in the image.

        Args:
            box_size: the image's (height, width).
            clip_angle_threshold: how far an angle may be from zero, in degrees, for the box to
                be cut as if it were axis-aligned.
        """
        boxes = self.normalize_angles().tensor
        center, size, angle = boxes[:, :2], boxes[:, 2:4], boxes[:, 4:]
        limit = boxes.new_tensor([box_size[1], box_size[0]])
        low = (center - size / 2).clamp(min=0).minimum(limit)
        high = (center + size / 2).clamp(min=0).minimum(limit)
        # Rounding must not make a box larger.
        clipped = torch.cat(((low + high) / 2, size.minimum(high - low), angle), dim=1)
        return RotatedBoxes(torch.where(angle.abs() <= clip_angle_threshold, clipped, boxes))

    def scale(self, scale_x: float, scale_y: float) -> "RotatedBoxes":
        """Returns the boxes with x and y multiplied by a factor each.

        With two different factors, a turned rectangle becomes a parallelogram; the result is the
        rectangle with the middles of the parallelogram's upper and left side at the same
        distance from the centre, turned as its height is.
        """
        x, y, width, height, angle = self.tensor.unbind(1)
        cos, sin = _cos_and_sin(angle)
        return RotatedBoxes(
            torch.stack(
                (
                    x * scale_x,
                    y * scale_y,
                    width * torch.hypot(scale_x * cos, scale_y * sin),
                    height * torch.hypot(scale_x * sin, scale_y * cos),
                    torch.rad2deg(torch.atan2(scale_x * sin, scale_y * cos)),
                ),
                dim=1,
            )
        )

    @staticmethod
    def from_boxes(boxes: Boxes) -> "RotatedBoxes":
        """Returns axis-aligned boxes as boxes that are turned by nothing."""
        centers, sides = boxes.get_centers(), boxes.get_sides()
        return RotatedBoxes(torch.cat((centers, sides, torch.zeros_like(sides[:, :1])), dim=1))

    def _find_extent(self) -> Float[Tensor, "B 2"]:
        """Returns how far each box reaches from its centre, in x and in y."""
        half_width, half_height = (self.tensor[:, 2:4] / 2).unbind(1)
        cos, sin = (part.abs() for part in _cos_and_sin(self.tensor[:, 4]))
        extent_x = cos * half_width + sin * half_height
        extent_y = cos * half_height + sin * half_width
        return torch.stack((extent_x, extent_y), dim=1)


def normalize_angles(angles: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Returns the same directions in degrees from -180 to below 180."""
    return (angles + 180.0) % 360.0 - 180.0


def rotate_points(
    points: Float[Tensor, "*B 2"], angles: Float[Tensor, "*_"]
) -> Float[Tensor, "*B 2"]:
    """Turns points around the origin, counter-clockwise where y points downwards.

    Args:
        points: as (x, y).
        angles: in degrees, of a shape that can be broadcast to that of the points.
    """
    x, y = points.unbind(-1)
    cos, sin = _cos_and_sin(angles)
    return torch.stack((cos * x + sin * y, cos * y - sin * x), dim=-1)


def _cos_and_sin(
    angles: Float[Tensor, "*_"],
) -> tuple[Float[Tensor, "*_"], Float[Tensor, "*_"]]:
    # A right angle has no exact number in radians: in double precision its cosine is nearly 0.
    exact = angles if angles.device.type == "mps" else angles.double()
    radians = torch.deg2rad(exact)
    return torch.cos(radians).to(angles), torch.sin(radians).to(angles)
