"""Rotates, shears and scales a sample in one step.

Legend: N objects, K keypoints each, H W the height and width, P points.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Shaped
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from composer.data.samples import Sample
from composer.data.transforms.moving import move_sample
from composer.data.transforms.windows import cut_to_image, find_boxes

Matrix = NDArray[np.float64]


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
    inverse = np.linalg.inv(np.vstack((matrix, [0.0, 0.0, 1.0])))[:2]

    def warp(labels: Tensor, fill: int) -> Tensor:
        if labels.ndim == 2:
            return _warp_labels(labels, inverse, size, fill)
        warped = [_warp_labels(mask, inverse, size, fill) for mask in labels]
        return torch.stack(warped) if warped else labels.new_zeros(0, *size)

    moved = move_sample(sample, matrix, _warp_image(sample, inverse, size), warp)
    cut = cut_to_image(moved)
    if not cut.has_masks:
        return cut
    return replace(cut, boxes=torch.where(cut.has_mask[:, None], find_boxes(cut), cut.boxes))


def find_rotation(
    size: tuple[int, int], degrees: float, *, expand: bool
) -> tuple[Matrix, tuple[int, int]]:
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


def _warp_image(sample: Sample, inverse: Matrix, size: tuple[int, int]) -> Tensor:
    rows = sample.image.permute(1, 2, 0).contiguous().numpy()
    warped = _transform(
        Image.fromarray(rows), inverse, size, Image.Resampling.BILINEAR, sample.margin
    )
    return torch.from_numpy(np.array(warped)).permute(2, 0, 1)


def _warp_labels(
    labels: Shaped[Tensor, "H W"], inverse: Matrix, size: tuple[int, int], fill: int
) -> Tensor:
    image = Image.fromarray(labels.contiguous().numpy().astype(np.int32))
    warped = _transform(image, inverse, size, Image.Resampling.NEAREST, fill)
    return torch.from_numpy(np.array(warped)).to(labels.dtype)


def _transform(
    image: Image.Image,
    inverse: Matrix,
    size: tuple[int, int],
    resampling: Image.Resampling,
    fill: int | tuple[int, int, int],
) -> Image.Image:
    height, width = size
    return image.transform(
        (width, height),
        Image.Transform.AFFINE,
        tuple(inverse.reshape(-1).tolist()),
        resample=resampling,
        fillcolor=fill,
    )
