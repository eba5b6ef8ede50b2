"""Geometric transforms of images, and of all that has coordinates in them.

Legend: N boxes, P points, H W the height and width before, h w those after.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Shaped
from numpy.typing import NDArray
from torch import Tensor

Array = TypeVar("Array", NDArray[np.generic], Tensor)
Matrix: TypeAlias = NDArray[np.float64]
Size: TypeAlias = tuple[int, int]  # (height, width)
Fill: TypeAlias = int | tuple[int, ...]


class Transform(ABC):
    """A geometric change of an image that moves every point by an affine map.

    `size` is the (height, width) of the images that it is for, `new_size` that of the image
    afterwards, `matrix` leads from (x, y, 1) before to (x, y) after, in pixels.

    Images and labels are tensors of C x H x W and H x W, or numpy arrays of H x W x C and H x W.
    Coordinates are tensors or arrays of any floating type, in pixels: the centre of the first
    pixel is at 0.5. What is returned has the type of what was given. Nothing is cut off: boxes may
    lie outside of the new image.
    """

    if TYPE_CHECKING:  # fields of some transforms, properties of others

        @property
        def matrix(self) -> Matrix:
            """From (x, y, 1) before to (x, y) after, 2 x 3, in pixels."""

        @property
        def size(self) -> Size:
            """(height, width) of the images that it is for."""

        @property
        def new_size(self) -> Size:
            """(height, width) of the image afterwards."""

    def apply_image(self, image: Array, fill: Fill = 0) -> Array:
        """Returns the pixels afterwards.

        Args:
            image: of this transform's size.
            fill: the colour of places that had no pixel, for all channels or for each.

        Raises:
            ValueError: the image has another size.
        """
        if isinstance(image, Tensor):
            return self.move_pixels(self._checked(image), fill)
        pixels = torch.from_numpy(np.ascontiguousarray(image))
        if image.ndim == 2:
            return self.move_pixels(self._checked(pixels[None]), fill)[0].numpy()
        moved = self.move_pixels(self._checked(pixels.permute(2, 0, 1)), fill)
        return moved.permute(1, 2, 0).numpy()

    def apply_segmentation(self, labels: Array, fill: int = 0) -> Array:
        """Returns labels afterwards: values that must not be mixed, such as classes or masks.

        Args:
            labels: of this transform's size; a stack of masks has the size in its last two
                dimensions.
            fill: the label of places that had none.

        Raises:
            ValueError: the labels have another size.
        """
        if isinstance(labels, Tensor):
            return self.move_labels(self._checked(labels), fill)
        given = torch.from_numpy(np.ascontiguousarray(labels))
        return self.move_labels(self._checked(given), fill).numpy()

    @abstractmethod
    def move_pixels(self, pixels: Shaped[Tensor, "C H W"], fill: Fill) -> Shaped[Tensor, "C h w"]:
        """Does the work of `apply_image`."""

    @abstractmethod
    def move_labels(self, labels: Shaped[Tensor, "*N H W"], fill: int) -> Shaped[Tensor, "*N h w"]:
        """Does the work of `apply_segmentation`."""

    @abstractmethod
    def inverse(self) -> Transform:
        """The transform back. Of pixels it restores what this one leaves of them."""

    def apply_coords(self, coords: Array) -> Array:
        """Returns points afterwards, ... x 2 as (x, y)."""
        points = _to_double(coords)
        return _restore(points @ self.matrix[:, :2].T + self.matrix[:, 2], coords)

    def apply_box(self, boxes: Array) -> Array:
        """Returns the boxes around the moved corners of boxes, N x 4 as XYXY."""
        corners = _to_double(boxes).reshape(-1, 4)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
        moved = self.apply_coords(corners)
        return _restore(np.concatenate((moved.min(axis=1), moved.max(axis=1)), axis=1), boxes)

    def apply_rotated_box(self, boxes: Array) -> Array:
        """Returns rotated boxes afterwards, N x 5 as (centre x, centre y, width, height, degrees).

        Where the map stretches or shears, the box with the moved middles of the upper and the left
        side at the same distance from its centre, turned as its height is.
        """
        rows = _to_double(boxes).reshape(-1, 5)
        radians = np.deg2rad(rows[:, 4])
        linear = self.matrix[:, :2]
        across = np.stack((np.cos(radians), -np.sin(radians)), axis=1) @ linear.T
        down = np.stack((np.sin(radians), np.cos(radians)), axis=1) @ linear.T
        if np.linalg.det(linear) < 0 and linear[1, 1] < 0:  # turned back from upside down
            down = -down
        width, height = np.hypot(*across.T) * rows[:, 2], np.hypot(*down.T) * rows[:, 3]
        degrees = np.rad2deg(np.arctan2(down[:, 0], down[:, 1]))
        centers = self.apply_coords(rows[:, :2])
        return _restore(np.column_stack((centers, width, height, degrees)), boxes)

    def apply_polygons(self, polygons: Sequence[Array]) -> list[Array]:
        """Returns polygons afterwards, each P x 2, or flat as x0, y0, x1, y1, ..."""
        return [self.apply_coords(one.reshape(-1, 2)).reshape(one.shape) for one in polygons]

    def _checked(self, pixels: Shaped[Tensor, "*_ H W"]) -> Shaped[Tensor, "*_ H W"]:
        """Raises ValueError if pixels are not of this transform's size."""
        size = tuple(pixels.shape[-2:])
        if size != tuple(self.size):
            raise ValueError(
                f"The transform is for {self.size[0]} x {self.size[1]}, the image is {size[0]} x "
                f"{size[1]} (height x width)."
            )
        return pixels


@dataclass(frozen=True)
class TransformList(Transform):
    """Transforms one after the other.

    Args:
        steps: the transforms, first one first.
        first_size: (height, width) of the images that they are for.
    """

    steps: tuple[Transform, ...]
    first_size: Size

    def __post_init__(self) -> None:
        size = self.first_size
        for step in self.steps:
            if step.size != size:
                raise ValueError(f"A transform for {step.size} follows one that makes {size}.")
            size = step.new_size

    @property
    def matrix(self) -> Matrix:
        """The product of all matrices."""
        whole = np.eye(3)
        for step in self.steps:
            whole = np.vstack((step.matrix, (0, 0, 1))) @ whole
        return whole[:2]

    @property
    def size(self) -> Size:
        """(height, width) of the images that they are for."""
        return self.first_size

    @property
    def new_size(self) -> Size:
        """(height, width) after the last one."""
        return self.steps[-1].new_size if self.steps else self.first_size

    def move_pixels(self, pixels: Shaped[Tensor, "C H W"], fill: Fill) -> Shaped[Tensor, "C h w"]:
        """Applies one after the other."""
        for step in self.steps:
            pixels = step.move_pixels(pixels, fill)
        return pixels

    def move_labels(self, labels: Shaped[Tensor, "*N H W"], fill: int) -> Shaped[Tensor, "*N h w"]:
        """Applies one after the other."""
        for step in self.steps:
            labels = step.move_labels(labels, fill)
        return labels

    def apply_rotated_box(self, boxes: Array) -> Array:
        """Applies one after the other."""
        for step in self.steps:
            boxes = step.apply_rotated_box(boxes)
        return boxes

    def inverse(self) -> TransformList:
        """The inverses in opposite order."""
        steps = tuple(step.inverse() for step in reversed(self.steps))
        return TransformList(steps, self.new_size)


def _to_double(values: Array) -> Float[np.ndarray, ...]:
    if isinstance(values, Tensor):
        return values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=np.float64)


def _restore(values: Matrix, given: Array) -> Array:
    """Numbers in the type of those that were given; of whole ones, in double precision."""
    if isinstance(given, Tensor):
        dtype = given.dtype if given.is_floating_point() else torch.float64
        return torch.from_numpy(values).to(given.device, dtype)
    dtype = given.dtype if np.issubdtype(given.dtype, np.floating) else np.dtype(np.float64)
    return values.astype(dtype)
