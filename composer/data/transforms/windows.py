"""Crops of samples, and padding to a larger canvas.

Legend: N objects, K keypoints each, C channels, H W the height and width before, h w those after.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from typing_extensions import override

from composer.data.samples import Outline, Sample
from composer.data.transforms.moving import move_sample
from composer.data.transforms.transform import Fill, Matrix, Size, Transform
from composer.structures import BitMasks, PolygonMasks, clip_polygon


@dataclass(frozen=True)
class Crop(Transform):
    """Cuts a part out of an image.

    Args:
        size: (height, width) of the image.
        top: first row of the part.
        left: first column of the part.
        new_size: (height, width) of the part.

    Raises:
        ValueError: the part is empty, or not inside the image.
    """

    size: Size
    top: int
    left: int
    new_size: Size

    def __post_init__(self) -> None:
        bottom, right = self.top + self.new_size[0], self.left + self.new_size[1]
        is_inside = min(self.top, self.left) >= 0 and bottom <= self.size[0]
        if not is_inside or right > self.size[1] or min(self.new_size) < 1:
            raise ValueError(
                f"rows {self.top} to {bottom} and columns {self.left} to {right} are no part of "
                f"an image of {self.size[0]} x {self.size[1]}"
            )

    @property
    def matrix(self) -> Matrix:
        """Shifts to the left and up."""
        return _find_shift(-self.left, -self.top)

    @override
    def move_pixels(self, pixels: Shaped[Tensor, "C H W"], fill: Fill) -> Shaped[Tensor, "C h w"]:
        return self.move_labels(pixels, 0)

    @override
    def move_labels(self, labels: Shaped[Tensor, "*N H W"], fill: int) -> Shaped[Tensor, "*N h w"]:
        (height, width), top, left = self.new_size, self.top, self.left
        return labels[..., top : top + height, left : left + width]

    def inverse(self) -> Pad:
        """Puts the part back into its place."""
        return Pad(self.new_size, self.top, self.left, self.size)


@dataclass(frozen=True)
class Pad(Transform):
    """Puts an image onto a larger canvas.

    Args:
        size: (height, width) of the image.
        top: row of the canvas where the image begins.
        left: column where it begins.
        new_size: (height, width) of the canvas.

    Raises:
        ValueError: the image does not fit in there.
    """

    size: Size
    top: int
    left: int
    new_size: Size

    def __post_init__(self) -> None:
        below = self.new_size[0] - self.top - self.size[0]
        right = self.new_size[1] - self.left - self.size[1]
        if min(self.top, self.left, below, right) < 0:
            raise ValueError(
                f"an image of {self.size[0]} x {self.size[1]} at row {self.top} and column "
                f"{self.left} does not fit into {self.new_size[0]} x {self.new_size[1]}"
            )

    @property
    def matrix(self) -> Matrix:
        """Shifts to the right and down."""
        return _find_shift(self.left, self.top)

    @override
    def move_pixels(self, pixels: Shaped[Tensor, "C H W"], fill: Fill) -> Shaped[Tensor, "C h w"]:
        colour = torch.tensor(fill, dtype=pixels.dtype).reshape(-1)
        # In the order H x W x C, in which images are in memory.
        canvas = colour.expand(*self.new_size, len(pixels)).contiguous().permute(2, 0, 1)
        return self._put(pixels, canvas)

    @override
    def move_labels(self, labels: Shaped[Tensor, "*N H W"], fill: int) -> Shaped[Tensor, "*N h w"]:
        return self._put(labels, labels.new_full((*labels.shape[:-2], *self.new_size), fill))

    def inverse(self) -> Crop:
        """Cuts the image out again."""
        return Crop(self.new_size, self.top, self.left, self.size)

    def _put(
        self, pixels: Shaped[Tensor, "*N H W"], canvas: Shaped[Tensor, "*N h w"]
    ) -> Shaped[Tensor, "*N h w"]:
        (height, width), top, left = self.size, self.top, self.left
        canvas[..., top : top + height, left : left + width] = pixels
        return canvas


def crop_sample(sample: Sample, top: int, left: int, height: int, width: int) -> Sample:
    """Crops a sample.

    Outlines are cut exactly. The box of an object that the border cuts becomes the box around
    what is left of its mask; where there are no masks, of its box. Keypoints outside count as
    unlabelled. Objects outside are kept, with empty boxes; see `Sample.visible`.

    Args:
        sample: the sample.
        top: first row of the part.
        left: first column of the part.
        height: number of its rows.
        width: number of its columns.

    Raises:
        ValueError: the part is empty, or not inside the image.
    """
    size = sample.height, sample.width
    crop = Crop(size, top, left, (height, width))
    return sample if crop.new_size == size else cut_to_image(move_sample(sample, crop))


def pad_sample(sample: Sample, top: int, left: int, height: int, width: int) -> Sample:
    """Pads a sample to a larger canvas.

    Around it the canvas has the colour `margin`, the class `ignore_label`, and no segment.

    Args:
        sample: the sample.
        top: row of the canvas where the sample begins.
        left: column where it begins.
        height: number of the canvas' rows.
        width: number of its columns.

    Raises:
        ValueError: the sample does not fit in there.
    """
    size = sample.height, sample.width
    pad = Pad(size, top, left, (height, width))
    return sample if pad.new_size == size else move_sample(sample, pad)


def _find_shift(right: int, down: int) -> Matrix:
    return np.array([[1.0, 0.0, right], [0.0, 1.0, down]])


def cut_to_image(sample: Sample) -> Sample:
    """Cuts coordinates that reach over the image's borders, where image and masks end already."""
    limits = sample.boxes.new_tensor([sample.width, sample.height] * 2)
    inside = ((sample.boxes >= 0) & (sample.boxes <= limits)).all(dim=1)
    if sample.outlines is not None:
        parts = [_clip_outline(outline, sample) for outline in sample.outlines]
        sample = replace(sample, outlines=tuple(parts))
    boxes, shrunk = sample.boxes, sample.has_mask & ~inside
    if shrunk.any():
        boxes = torch.where(shrunk[:, None], find_boxes(sample), boxes)
    boxes = boxes.clamp(min=0).minimum(limits)  # corners of a cut may be off by rounding
    proposals = sample.proposals
    if proposals is not None:
        proposals = proposals.clamp(min=0).minimum(limits)
    return replace(sample, boxes=boxes, keypoints=hide_outside(sample), proposals=proposals)


def find_boxes(sample: Sample) -> Float[Tensor, "N 4"]:
    """The tightest boxes around the masks of a sample's objects; zeros around nothing."""
    found = []
    if sample.outlines is not None:
        found.append(PolygonMasks(sample.outlines).get_bounding_boxes().tensor.double())
    if sample.bit_masks is not None:
        found.append(BitMasks(sample.bit_masks).get_bounding_boxes().tensor.double())
    if len(found) == 1:
        return found[0]
    is_filled = (found[1] != 0).any(dim=1, keepdim=True)  # the mask of each object has one form
    return torch.where(is_filled, found[1], found[0])


def _clip_outline(outline: Outline, sample: Sample) -> Outline:
    return tuple(cut for part in outline for cut in clip_polygon(part, sample.width, sample.height))


def hide_outside(sample: Sample) -> Float[Tensor, "N K 3"] | None:
    """The keypoints, with those outside of the image as unlabelled."""
    if sample.keypoints is None:
        return None
    limits = sample.keypoints.new_tensor([sample.width, sample.height])
    points = sample.keypoints[..., :2]
    inside = ((points >= 0) & (points <= limits)).all(dim=-1)
    return sample.keypoints * inside[..., None]
