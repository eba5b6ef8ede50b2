"""Rotates, shears and scales a sample in one step.

Legend: C channels, H W the height and width before, h w those after.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, Shaped
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from typing_extensions import override

from composer.data.samples import Sample
from composer.data.transforms.moving import move_sample
from composer.data.transforms.transform import Fill, Matrix, Size, Transform
from composer.data.transforms.windows import cut_to_image, find_boxes


@dataclass(frozen=True)
class Warp(Transform):
    """Moves every point of an image by an affine map.

    Pixels are resampled bilinearly, and bytes rounded to the nearest.

    Args:
        matrix: a point (x, y) moves to matrix @ (x, y, 1); in pixels, of the old image and of the
            new one.
        size: (height, width) of the old image.
        new_size: (height, width) of the new image.
    """

    matrix: Matrix = field(compare=False)
    size: Size
    new_size: Size

    @override
    def move_pixels(self, pixels: Shaped[Tensor, "C H W"], fill: Fill) -> Shaped[Tensor, "C h w"]:
        colours = np.broadcast_to(np.asarray(fill, dtype=np.float32), len(pixels)).tolist()
        # Pillow rounds bytes down; numbers with fractions are left as they are.
        channels = [
            self._transform(Image.fromarray(channel), Image.Resampling.BILINEAR, colour)
            for channel, colour in zip(pixels.float().numpy(), colours, strict=True)
        ]
        warped = torch.from_numpy(np.stack(channels, axis=-1)).permute(2, 0, 1)
        return (warped if pixels.is_floating_point() else warped.round()).to(pixels.dtype)

    @override
    def move_labels(self, labels: Shaped[Tensor, "*N H W"], fill: int) -> Shaped[Tensor, "*N h w"]:
        warped = [self._warp_labels(layer, fill) for layer in labels.reshape(-1, *self.size)]
        stacked = torch.stack(warped) if warped else labels.new_zeros(0, *self.new_size)
        return stacked.reshape(*labels.shape[:-2], *self.new_size)

    def inverse(self) -> Warp:
        """Moves every point back."""
        return Warp(self._inverse_matrix, self.new_size, self.size)

    @property
    def _inverse_matrix(self) -> Matrix:
        inverse: Matrix = np.linalg.inv(np.vstack((self.matrix, [0.0, 0.0, 1.0])))[:2]
        return inverse

    def _warp_labels(self, labels: Shaped[Tensor, "H W"], fill: int) -> Shaped[Tensor, "h w"]:
        image = Image.fromarray(labels.contiguous().numpy().astype(np.int32))
        warped = self._transform(image, Image.Resampling.NEAREST, fill)
        return torch.from_numpy(warped).to(labels.dtype)

    def _transform(
        self, image: Image.Image, resampling: Image.Resampling, fill: float
    ) -> NDArray[np.generic]:
        height, width = self.new_size
        moved = image.transform(
            (width, height),
            Image.Transform.AFFINE,
            tuple(self._inverse_matrix.reshape(-1).tolist()),
            resample=resampling,
            fillcolor=fill,
        )
        return np.array(moved)


def warp_sample(sample: Sample, matrix: Float[np.ndarray, "2 3"], size: tuple[int, int]) -> Sample:
    """Moves every point of a sample by an affine map.

    Points move exactly; pixels are resampled bilinearly, masks and maps to the nearest. Boxes are
    those around the moved masks or, where there are none, around the moved corners of the boxes,
    which may be wider than the object, as those of proposals are. What comes to lie outside is cut
    off.

    Args:
        sample: the sample.
        matrix: a point (x, y) moves to matrix @ (x, y, 1); in pixels, of the old image and of the
            new one.
        size: (height, width) of the new image.
    """
    cut = cut_to_image(move_sample(sample, Warp(matrix, (sample.height, sample.width), size)))
    if not cut.has_masks:
        return cut
    return replace(cut, boxes=torch.where(cut.has_mask[:, None], find_boxes(cut), cut.boxes))


def find_rotation(size: tuple[int, int], degrees: float, *, expand: bool) -> tuple[Matrix, Size]:
    """The affine map of a rotation about the centre of an image.

    Args:
        size: (height, width) of the image.
        degrees: how far, counter-clockwise as one sees it.
        expand: whether the new image is large enough to hold all of the old one; otherwise it has
            the old one's size.

    Returns:
        The matrix for `warp_sample`, and (height, width) of the new image.
    """
    height, width = size
    # Rounded, so that a quarter turn mixes no pixels.
    cos, sin = np.round((np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))), 12)
    if expand:
        new_width = round(abs(width * cos) + abs(height * sin))
        new_height = round(abs(width * sin) + abs(height * cos))
    else:
        new_height, new_width = height, width
    turn = np.array([[cos, sin], [-sin, cos]])  # y points down
    shift = np.array([new_width, new_height]) / 2 - turn @ (np.array([width, height]) / 2)
    return np.column_stack((turn, shift)), (max(1, new_height), max(1, new_width))


def find_extent(
    window: tuple[float, float, float, float], size: tuple[int, int]
) -> Float[np.ndarray, "2 3"]:
    """The affine map that stretches a window of an image to a new image.

    Args:
        window: x0, y0, x1, y1 in pixels; it may reach over the borders.
        size: (height, width) of the new image.

    Returns:
        The matrix for `warp_sample`.
    """
    x0, y0, x1, y1 = window
    scale_x, scale_y = size[1] / (x1 - x0), size[0] / (y1 - y0)
    return np.array([[scale_x, 0.0, -x0 * scale_x], [0.0, scale_y, -y0 * scale_y]])
