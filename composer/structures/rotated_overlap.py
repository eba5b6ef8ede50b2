"""How much rotated boxes overlap.

Legend: M boxes on the left, N boxes on the right, P pairs of boxes.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from composer.structures.boxes import pairwise_intersection
from composer.structures.rotated_boxes import RotatedBoxes
from composer.structures.tensor_sizes import check_size

# Pairs that are worked on together: an overlap holds some hundred numbers a pair for a moment.
_PAIRS_PER_CHUNK = 1 << 16
# Pairs per chunk: some ten numbers each.
_CANDIDATES_PER_CHUNK = 1 << 20
# By how much ratios of equal overlaps may differ, as a share of the larger one: by a unit of
# rounding of float32. Boxes that are one region in two writings (an angle and its opposite, swapped
# sides and a quarter turn) have corners that are equal to the last bit or next to it, areas are
# calculated from these in double precision, and the ratio is rounded once more. More tolerance
# would also join overlaps that detectron2, which rounds corners alike, keeps apart.
ROTATED_IOU_TOLERANCE = torch.finfo(torch.float32).eps / 2
# What rounding may take from a bound, as a share of it.
_SLACK = 1e-3


def pairwise_intersection_rotated(left: RotatedBoxes, right: RotatedBoxes) -> Float[Tensor, "M N"]:
    """Returns the area in square pixels that each pair of boxes shares.

    Raises:
        MemoryShortageError: there are more pairs than memory at hand.
    """
    check_size(left.tensor, (len(left), len(right)), f"{len(left)} x {len(right)} overlaps")
    shared = left.tensor.new_zeros(len(left), len(right))
    right = right.to(left.tensor)
    for rows, columns in iterate_pairs(left, right):
        shared[rows, columns] = intersect_pairs(left.tensor[rows], right.tensor[columns])
    return shared


def pairwise_iou_rotated(left: RotatedBoxes, right: RotatedBoxes) -> Float[Tensor, "M N"]:
    """Returns the intersection over union of each pair of boxes, 0 where they are disjoint.

    Only the regions count: boxes of angles that differ by 180 degrees have a ratio of 1. Ratios
    of equal overlaps differ by at most `ROTATED_IOU_TOLERANCE`.
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

    Corners are rounded as boxes are, everything else is calculated in double precision (but on
    devices that have none): boxes with the same corners share exactly the same areas.
    """
    (x, y), scale = _place_in_frame(left, right)
    next_x, next_y = x.roll(-1, dims=0), y.roll(-1, dims=0)
    parts = _find_pieces(_find_crossings(x, next_x), _find_crossings(y, next_y))
    near_x = torch.lerp(x, next_x, parts).clamp(min=-1, max=1)
    near_y = torch.lerp(y, next_y, parts).clamp(min=-1, max=1)
    # The last point of a side is the first one of the next side: only pieces within count.
    mean_x, step_y = near_x[1:] + near_x[:-1], near_y[1:] - near_y[:-1]
    # Corners go around clockwise where y points downwards, which makes the area positive.
    shared = (mean_x * step_y).sum(dim=(0, 1)) / 2 * scale
    return shared.nan_to_num(nan=0.0).clamp(min=0).to(left)


def _place_in_frame(
    left: Float[Tensor, "P 5"], right: Float[Tensor, "P 5"]
) -> tuple[tuple[Float[Tensor, "4 P"], Float[Tensor, "4 P"]], Float[Tensor, "P"]]:
    """Returns x and y of the left boxes' corners in frames where right boxes go from -1 to 1.

    Corners are relative to the middle between both centres, where their numbers are small and
    little is lost by rounding; detectron2 rounds them there, too.

    Returns:
        The coordinates, and the area of a unit of each frame in square pixels.
    """
    middle = (left[:, :2] + right[:, :2]) / 2
    corners, frame = (_find_corners(boxes, middle) for boxes in (left, right))
    across, down = (frame[1] - frame[0]) / 2, (frame[3] - frame[0]) / 2
    x, y = (corners - (frame[0] + frame[2]) / 2).unbind(2)
    scale = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]
    seen_x = (x * down[:, 1] - y * down[:, 0]) / scale
    seen_y = (y * across[:, 0] - x * across[:, 1]) / scale
    return (seen_x, seen_y), scale


def _find_corners(
    boxes: Float[Tensor, "P 5"], origin: Float[Tensor, "P 2"]
) -> Float[Tensor, "4 P 2"]:
    """Returns the corners relative to a point for each box, rounded, in double precision."""
    moved = torch.cat((boxes[:, :2] - origin, boxes[:, 2:]), dim=1)
    corners = RotatedBoxes(moved).get_corners().transpose(0, 1)
    return corners if boxes.device.type == "mps" else corners.double()


def _find_crossings(
    start: Float[Tensor, "4 P"], end: Float[Tensor, "4 P"]
) -> tuple[Float[Tensor, "4 P"], Float[Tensor, "4 P"]]:
    """Returns at which part of each side it crosses the border lines 1 and -1, first one first.

    Args:
        start: one coordinate of where the sides begin.
        end: the same of where they end.
    """
    step = end - start
    # A side along a border line crosses it nowhere (0 / 0), and any part will do for it.
    one = ((1 - start) / step).nan_to_num(nan=0.0).clamp(min=0, max=1)
    other = ((-1 - start) / step).nan_to_num(nan=0.0).clamp(min=0, max=1)
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
