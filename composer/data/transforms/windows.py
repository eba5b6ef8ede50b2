"""Crops of samples, and padding to a larger canvas.

Legend: N objects, K keypoints each.
"""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from composer.data.samples import Outline, Sample
from composer.data.transforms.moving import move_sample
from composer.structures import BitMasks, PolygonMasks, clip_polygon


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
    bottom, right = top + height, left + width
    if top < 0 or left < 0 or bottom > sample.height or right > sample.width or not height * width:
        raise ValueError(
            f"rows {top} to {bottom} and columns {left} to {right} are no part of an image of "
            f"{sample.height} x {sample.width}"
        )
    if (height, width) == (sample.height, sample.width):
        return sample
    rows, columns = slice(top, bottom), slice(left, right)
    image, matrix = sample.image[:, rows, columns], _find_shift(-left, -top)
    cut = move_sample(sample, matrix, image, lambda labels, _: labels[..., rows, columns])
    return cut_to_image(cut)


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
    below, right = height - top - sample.height, width - left - sample.width
    if min(top, left, below, right) < 0:
        raise ValueError(
            f"an image of {sample.height} x {sample.width} at row {top} and column {left} does "
            f"not fit into {height} x {width}"
        )
    if (height, width) == (sample.height, sample.width):
        return sample

    canvas = np.empty((height, width, 3), dtype=np.uint8)
    canvas[:] = sample.margin
    canvas[top : top + sample.height, left : left + sample.width] = sample.image.permute(1, 2, 0)
    return move_sample(
        sample,
        _find_shift(left, top),
        torch.from_numpy(canvas).permute(2, 0, 1),
        lambda labels, fill: F.pad(labels, (left, right, top, below), value=fill),
    )


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
    if sample.outlines is not None:
        return PolygonMasks(sample.outlines).get_bounding_boxes().tensor.double()
    assert sample.bit_masks is not None
    return BitMasks(sample.bit_masks).get_bounding_boxes().tensor.double()


def _find_shift(right: int, down: int) -> Float[np.ndarray, "2 3"]:
    return np.array([[1.0, 0.0, right], [0.0, 1.0, down]])


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
