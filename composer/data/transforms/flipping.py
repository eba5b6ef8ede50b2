"""Mirrors samples.

Legend: C channels, H W the height and width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Shaped
from torch import Tensor
from typing_extensions import override

from composer.data.samples import Sample
from composer.data.transforms.moving import move_sample
from composer.data.transforms.transform import Fill, Matrix, Size, Transform
from composer.errors import InputError

Direction = Literal["horizontal", "vertical"]


@dataclass(frozen=True)
class Flip(Transform):
    """Mirrors an image.

    Args:
        size: (height, width) of the image.
        direction: `horizontal` swaps left and right, `vertical` top and bottom.
    """

    size: Size
    direction: Direction = "horizontal"

    @property
    def matrix(self) -> Matrix:
        """The reflection."""
        height, width = self.size
        if self.direction == "horizontal":
            return np.array([[-1.0, 0.0, width], [0.0, 1.0, 0.0]])
        return np.array([[1.0, 0.0, 0.0], [0.0, -1.0, height]])

    @property
    def new_size(self) -> Size:
        """The same."""
        return self.size

    @override
    def move_pixels(self, pixels: Shaped[Tensor, "C H W"], fill: Fill) -> Shaped[Tensor, "C H W"]:
        return pixels.flip(self._dim)

    @override
    def move_labels(self, labels: Shaped[Tensor, "*N H W"], fill: int) -> Shaped[Tensor, "*N H W"]:
        return labels.flip(self._dim)

    def inverse(self) -> Flip:
        """Mirrors back."""
        return self

    @property
    def _dim(self) -> int:
        return -1 if self.direction == "horizontal" else -2


def flip_horizontally(sample: Sample) -> Sample:
    """Swaps left and right, and with them the left and right keypoints of each object.

    Raises:
        InputError: it is not known which keypoints these are.
    """
    return _flip(sample, "horizontal")


def flip_vertically(sample: Sample) -> Sample:
    """Swaps top and bottom. Left and right keypoints swap too: what is seen is a mirror image."""
    return _flip(sample, "vertical")


def _flip(sample: Sample, direction: Direction) -> Sample:
    flipped = move_sample(sample, Flip((sample.height, sample.width), direction))
    if flipped.keypoints is None or flipped.keypoints.shape[1] < 2:
        return flipped
    if not sample.keypoint_flips:
        raise InputError("it is not known which keypoints change places in a mirror")
    return replace(flipped, keypoints=flipped.keypoints[:, list(sample.keypoint_flips)])
