"""Affine maps of samples, and the simplest of them, which mirror.

Legend: N objects, P points.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from composer.data.samples import Sample


def move_sample(
    sample: Sample,
    matrix: Float[np.ndarray, "2 3"],
    image: Shaped[Tensor, "3 _ _"],
    change: Callable[[Tensor, int], Tensor],
) -> Sample:
    """Moves the coordinates of a sample by an affine map, and its masks and maps along.

    A box becomes the box around its moved corners.

    Args:
        sample: the sample.
        matrix: from (x, y, 1) before to (x, y) after, in pixels.
        image: the image afterwards.
        change: what becomes of a mask or a map (the last two dimensions are rows and columns);
            takes also the label of places that had no pixel before.
    """
    outlines, keypoints = sample.outlines, sample.keypoints
    if outlines is not None:
        outlines = tuple(
            tuple(_move(part.reshape(-1, 2), matrix).reshape(-1) for part in outline)
            for outline in outlines
        )
    if keypoints is not None:
        points = _move(keypoints[..., :2].reshape(-1, 2).numpy(), matrix)
        moved = torch.from_numpy(points).reshape(*keypoints.shape[:2], 2)
        keypoints = torch.cat((moved, keypoints[..., 2:]), dim=-1)
    masks, classes, segments = sample.bit_masks, sample.sem_seg, sample.panoptic
    return replace(
        sample,
        image=image,
        boxes=_move_boxes(sample.boxes, matrix),
        outlines=outlines,
        bit_masks=None if masks is None else change(masks, 0),
        keypoints=keypoints,
        sem_seg=None if classes is None else change(classes, sample.ignore_label),
        panoptic=None if segments is None else change(segments, 0),
        proposals=None if sample.proposals is None else _move_boxes(sample.proposals, matrix),
    )


def flip_horizontally(sample: Sample) -> Sample:
    """Swaps left and right, and with them the left and right keypoints of each object."""
    return _flip(sample, np.array([[-1.0, 0.0, sample.width], [0.0, 1.0, 0.0]]), -1)


def flip_vertically(sample: Sample) -> Sample:
    """Swaps top and bottom. Left and right keypoints swap too: what is seen is a mirror image."""
    return _flip(sample, np.array([[1.0, 0.0, 0.0], [0.0, -1.0, sample.height]]), -2)


def _flip(sample: Sample, matrix: Float[np.ndarray, "2 3"], dim: int) -> Sample:
    flipped = move_sample(
        sample, matrix, sample.image.flip(dim), lambda labels, _: labels.flip(dim)
    )
    if flipped.keypoints is None or not sample.keypoint_flips:
        return flipped
    return replace(flipped, keypoints=flipped.keypoints[:, list(sample.keypoint_flips)])


def _move(
    points: Float[np.ndarray, "P 2"], matrix: Float[np.ndarray, "2 3"]
) -> Float[np.ndarray, "P 2"]:
    return points @ matrix[:, :2].T + matrix[:, 2]


def _move_boxes(
    boxes: Float[Tensor, "N 4"], matrix: Float[np.ndarray, "2 3"]
) -> Float[Tensor, "N 4"]:
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2).numpy()
    moved = torch.from_numpy(_move(corners, matrix)).reshape(-1, 4, 2)
    return torch.cat((moved.amin(dim=1), moved.amax(dim=1)), dim=1)
