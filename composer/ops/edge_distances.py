"""Boxes as distances from a point to their four edges (Tian et al. 2019, equation 1).

Legend: B boxes. `_` is 4 numbers for each of several sets of distances.

Coordinates are XYXY in pixels, continuous.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from composer.structures import at_least_float32


def encode_distances(
    source: Float[Tensor, "B 4"], target: Float[Tensor, "B 4"]
) -> Float[Tensor, "B 4"]:
    """Returns how far the edges of each target are from the centre of its source box.

    Args:
        source: boxes that stand for a point, their centre, and for a scale, their sides.
        target: boxes; an edge on the other side of the point has a negative distance.

    Returns:
        (left, top, right, bottom), in units of the source's sides.
    """
    center, size = _center_and_size(source)
    distances = torch.cat((center - target[:, :2], target[:, 2:] - center), dim=1)
    return distances / size.repeat(1, 2)


def decode_distances(
    distances: Float[Tensor, "B _"], boxes: Float[Tensor, "B 4"]
) -> Float[Tensor, "B _"]:
    """Puts edges around the centres of boxes: the inverse of `encode_distances`.

    Args:
        distances: (left, top, right, bottom) once or several times for each box, in units of its
            sides; negative ones count as zero, so that a box contains its point.
        boxes: the boxes whose centres are meant.
    """
    distances = F.relu(at_least_float32(distances)).reshape(len(boxes), distances.shape[1] // 4, 4)
    center, size = _center_and_size(boxes.to(distances.dtype)[:, None])
    top_left = center - distances[..., :2] * size
    bottom_right = center + distances[..., 2:] * size
    return torch.cat((top_left, bottom_right), dim=-1).flatten(1)


def _center_and_size(
    boxes: Float[Tensor, "... 4"],
) -> tuple[Float[Tensor, "... 2"], Float[Tensor, "... 2"]]:
    return (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
