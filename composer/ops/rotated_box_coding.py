"""Rotated boxes as offsets from other rotated boxes (Ma et al. 2018, section 3.3).

Legend: B boxes. `_` is 5 numbers for each of several sets of offsets.

Boxes are (centre x, centre y, width, height, angle) in pixels and degrees; the offset of an angle
is in radians.
"""

import math
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from composer.ops.box_coding import MAX_LOG_SCALE
from composer.ranges import Positive
from composer.structures import normalize_angles

RotatedBoxWeights: TypeAlias = tuple[Positive, Positive, Positive, Positive, Positive]


def encode_rotated_boxes(
    source: Float[Tensor, "B 5"], target: Float[Tensor, "B 5"], weights: RotatedBoxWeights
) -> Float[Tensor, "B 5"]:
    """Returns the offsets that turn each source box into its target.

    Args:
        source: boxes with positive sides.
        target: boxes with positive sides.
        weights: factors of dx, dy, dw, dh, da.

    Returns:
        (dx, dy, dw, dh, da): the centre's move along the image's axes in units of the source's
        sides, the logarithm of the sides' growth, and the turn by half a circle at most, each
        times its weight.
    """
    move = (target[:, :2] - source[:, :2]) / source[:, 2:4]
    growth = torch.log(target[:, 2:4] / source[:, 2:4])
    turn = normalize_angles(target[:, 4:] - source[:, 4:]) * (math.pi / 180)
    return torch.cat((move, growth, turn), dim=1) * source.new_tensor(weights)


def decode_rotated_deltas(
    deltas: Float[Tensor, "B _"],
    boxes: Float[Tensor, "B 5"],
    weights: RotatedBoxWeights,
    max_log_scale: float = MAX_LOG_SCALE,
) -> Float[Tensor, "B _"]:
    """Applies offsets to boxes: the inverse of `encode_rotated_boxes`, for several sets at once.

    Args:
        deltas: one (dx, dy, dw, dh, da) or several for each box; computed in float32 at least.
        boxes: the boxes that the offsets start from.
        weights: what `encode_rotated_boxes` multiplied with.
        max_log_scale: dw and dh are cut off above this, and not below.

    Returns:
        The boxes; angles are from -180 to below 180 degrees.
    """
    deltas = deltas if deltas.dtype == torch.float64 else deltas.float()
    deltas = deltas.reshape(len(boxes), deltas.shape[1] // 5, 5) / deltas.new_tensor(weights)
    boxes = boxes.to(deltas.dtype)[:, None]
    size = boxes[..., 2:4]
    center = boxes[..., :2] + deltas[..., :2] * size
    size = size * torch.exp(deltas[..., 2:4].clamp(max=max_log_scale))
    angle = normalize_angles(boxes[..., 4:] + deltas[..., 4:] * (180 / math.pi))
    return torch.cat((center, size, angle), dim=-1).flatten(1)
