"""Boxes as offsets from other boxes (Girshick et al. 2014, appendix C; rotated: Ma et al. 2018).

Legend: B boxes. `_` is 4 numbers (5 of rotated boxes) for each of several sets of offsets.

Coordinates are XYXY in pixels, continuous: a width is x2 - x1. Rotated boxes are (centre x,
centre y, width, height, angle) in pixels and degrees; the offset of an angle is in radians.
"""

import math
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from composer.ranges import Positive
from composer.structures import at_least_float32, normalize_angles

BoxWeights: TypeAlias = tuple[Positive, Positive, Positive, Positive]

# A side grows at most by this factor: exp() of whatever a network says may overflow.
MAX_LOG_SCALE = math.log(1000.0 / 16)


def encode_boxes(
    source: Float[Tensor, "B 4"], target: Float[Tensor, "B 4"], weights: BoxWeights
) -> Float[Tensor, "B 4"]:
    """Returns the offsets that turn each source box into its target.

    Args:
        source: boxes with positive sides.
        target: boxes with positive sides.
        weights: factors of dx, dy, dw, dh.

    Returns:
        (dx, dy, dw, dh): the centre's move in units of the source's sides, and the logarithm of
        the sides' growth, each times its weight.
    """
    source_center, source_size = _center_and_size(source)
    target_center, target_size = _center_and_size(target)
    move = (target_center - source_center) / source_size
    growth = torch.log(target_size / source_size)
    return torch.cat((move, growth), dim=1) * source.new_tensor(weights)


def decode_deltas(
    deltas: Float[Tensor, "B _"],
    boxes: Float[Tensor, "B 4"],
    weights: BoxWeights,
    max_log_scale: float = MAX_LOG_SCALE,
) -> Float[Tensor, "B _"]:
    """Applies offsets to boxes: the inverse of `encode_boxes`, for several sets at once.

    Args:
        deltas: one (dx, dy, dw, dh) or several for each box; computed in float32 at least.
        boxes: the boxes that the offsets start from.
        weights: what `encode_boxes` multiplied with.
        max_log_scale: dw and dh are cut off above this, and not below.
    """
    deltas = at_least_float32(deltas)
    deltas = deltas.reshape(len(boxes), deltas.shape[1] // 4, 4) / deltas.new_tensor(weights)
    center, size = _center_and_size(boxes.to(deltas.dtype)[:, None])
    center = center + deltas[..., :2] * size
    half = 0.5 * size * torch.exp(deltas[..., 2:].clamp(max=max_log_scale))
    return torch.cat((center - half, center + half), dim=-1).flatten(1)


def _center_and_size(
    boxes: Float[Tensor, "... 4"],
) -> tuple[Float[Tensor, "... 2"], Float[Tensor, "... 2"]]:
    size = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + 0.5 * size, size


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
    deltas = at_least_float32(deltas)
    deltas = deltas.reshape(len(boxes), deltas.shape[1] // 5, 5) / deltas.new_tensor(weights)
    boxes = boxes.to(deltas.dtype)[:, None]
    size = boxes[..., 2:4]
    center = boxes[..., :2] + deltas[..., :2] * size
    size = size * torch.exp(deltas[..., 2:4].clamp(max=max_log_scale))
    angle = normalize_angles(boxes[..., 4:] + deltas[..., 4:] * (180 / math.pi))
    return torch.cat((center, size, angle), dim=-1).flatten(1)
