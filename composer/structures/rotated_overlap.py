"""How much rotated boxes overlap.

Legend: M boxes on the left, N boxes on the right, P pairs of boxes.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from composer.structures.boxes import pairwise_intersection
from composer.structures.rotated_boxes import RotatedBoxes, rotate_points

# Pairs that are worked on together: an overlap holds some hundred numbers a pair for a moment.
_PAIRS_PER_CHUNK = 1 << 16
# Pairs per chunk: some ten numbers each.
_CANDIDATES_PER_CHUNK = 1 << 20
# What rounding may take from a bound, as a share of it.
_SLACK = 1e-3


def pairwise_intersection_rotated(left: RotatedBoxes, right: RotatedBoxes) -> Float[Tensor, "M N"]:
    """Returns the area in square pixels that each pair of boxes shares."""
    shared = left.tensor.new_zeros(len(left), len(right))
    right = right.to(left.tensor)
    for rows, columns in iterate_pairs(left, right):
        shared[rows, columns] = intersect_pairs(left.tensor[rows], right.tensor[columns])
    return shared


def pairwise_iou_rotated(left: RotatedBoxes, right: RotatedBoxes) -> Float[Tensor, "M N"]:
    """Returns the intersection over union of each pair of boxes, 0 where they are disjoint.

    Only the regions count: boxes of angles that differ by 180 degrees have a ratio of 1.
    """
    intersection = pairwise_intersection_rotated(left, right)
    union = left.area()[:, None] + right.area()[None, :] - intersection
    return torch.where(intersection > 0, intersection / union, torch.zeros_like(intersection))


def iterate_pairs(
    left: RotatedBoxes, right: RotatedBoxes, min_iou: float = 0.0
) -> Iterator[tuple[Int[Tensor, "P"], Int[Tensor, "P"]]]:
    """Yields the positions of pairs, some at a time, with all that overlap by more than `min_iou`.

    Most pairs of many boxes are ruled out by a look at the axis-aligned boxes around them.

    Args:
        left: the boxes of the first positions.
        right: the boxes of the second positions.
        min_iou: of intersection over union.
    """
    rows_per_chunk = max(1, _CANDIDATES_PER_CHUNK // max(1, len(right)))
    for start in range(0, len(left), rows_per_chunk):
        chunk = left[slice(start, start + rows_per_chunk)]
        rows, columns = (_bound_iou(chunk, right) > min_iou).nonzero(as_tuple=True)
        yield from zip(
            torch.split(rows + start, _PAIRS_PER_CHUNK),
            torch.split(columns, _PAIRS_PER_CHUNK),
            strict=True,
        )


def _bound_iou(left: RotatedBoxes, right: RotatedBoxes) -> Float[Tensor, "M N"]:
    """Returns an upper bound of each pair's intersection over union."""
    around = pairwise_intersection(left.get_bounding_boxes(), right.get_bounding_boxes())
    left_area, right_area = left.area()[:, None], right.area()[None, :]
    shared = around.minimum(left_area).minimum(right_area)
    return shared / (left_area + right_area - shared) * (1 + _SLACK)


def intersect_pairs(left: Float[Tensor, "P 5"], right: Float[Tensor, "P 5"]) -> Float[Tensor, "P"]:
    """Returns the area that each left box shares with its right box.

    Every point of the plane has a nearest point in the right box. While a point runs around the
    left box, its nearest point runs around what the two boxes share (and, besides, along borders
    of the right box that enclose nothing). The area inside that line is wanted. It is made of
    straight pieces, which end where a side of the left box crosses a border line of the right
    one. Nothing depends on which corners lie exactly inside, so rounding does no harm.
    """
    x, y = _place_in_frame(left, right)
    half_width, half_height = (right[:, 2:4] / 2).unbind(1)
    next_x, next_y = x.roll(-1, dims=0), y.roll(-1, dims=0)
    parts = _find_pieces(
        _find_crossings(x, next_x, half_width), _find_crossings(y, next_y, half_height)
    )
    near_x = torch.lerp(x, next_x, parts).maximum(-half_width).minimum(half_width)
    near_y = torch.lerp(y, next_y, parts).maximum(-half_height).minimum(half_height)
    # The last point of a side is the first one of the next side: only pieces within count.
    mean_x, step_y = near_x[1:] + near_x[:-1], near_y[1:] - near_y[:-1]
    # Corners go around clockwise where y points downwards, which makes the area positive.
    return ((mean_x * step_y).sum(dim=(0, 1)) / 2).clamp(min=0)


def _place_in_frame(
    left: Float[Tensor, "P 5"], right: Float[Tensor, "P 5"]
) -> tuple[Float[Tensor, "4 P"], Float[Tensor, "4 P"]]:
    """Returns x and y of the left boxes' corners, seen from their right boxes laid flat."""
    center = rotate_points(left[:, :2] - right[:, :2], -right[:, 4])
    angle = left[:, 4:] - right[:, 4:]
    seen = RotatedBoxes(torch.cat((center, left[:, 2:4], angle), dim=1))
    x, y = seen.get_corners().permute(2, 1, 0).contiguous().unbind(0)
    return x, y


def _find_crossings(
    start: Float[Tensor, "4 P"], end: Float[Tensor, "4 P"], half: Float[Tensor, "P"]
) -> tuple[Float[Tensor, "4 P"], Float[Tensor, "4 P"]]:
    """Returns at which part of each side it crosses two opposite border lines, first one first.

    Args:
        start: one coordinate of where the sides begin.
        end: the same of where they end.
        half: how far the border lines are from the origin.
    """
    step = end - start
    # A side along a border line crosses it nowhere (0 / 0), and any part will do for it.
    one = ((half - start) / step).nan_to_num(nan=0.0).clamp(min=0, max=1)
    other = ((-half - start) / step).nan_to_num(nan=0.0).clamp(min=0, max=1)
    return one.minimum(other), one.maximum(other)


def _find_pieces(
    left: tuple[Float[Tensor, "4 P"], Float[Tensor, "4 P"]],
    right: tuple[Float[Tensor, "4 P"], Float[Tensor, "4 P"]],
) -> Float[Tensor, "6 4 P"]:
    """Merges the crossings of each side, in order, between its beginning 0 and its end 1."""
    inner = left[0].maximum(right[0]), left[1].minimum(right[1])
    zeros = torch.zeros_like(left[0])
    return torch.stack(
        (
            zeros,
            left[0].minimum(right[0]),
            inner[0].minimum(inner[1]),
            inner[0].maximum(inner[1]),
            left[1].maximum(right[1]),
            zeros + 1,
        )
    )
