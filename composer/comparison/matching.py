"""Pairs the boxes of two models by their overlap, one by one.

Legend: R boxes of one model, S of the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from composer.structures import (
    Boxes,
    Instances,
    RotatedBoxes,
    pairwise_iou,
    pairwise_iou_rotated,
)

AnyBoxes = Boxes | RotatedBoxes

_SAME_IOU = 0.99


def find_overlaps(one: AnyBoxes, other: AnyBoxes) -> Float[Tensor, "R S"]:
    """IoU of each box with each of the other model; 1 for equal boxes, empty ones, too."""
    if isinstance(one, RotatedBoxes) and isinstance(other, RotatedBoxes):
        overlaps = pairwise_iou_rotated(one, other)
    elif isinstance(one, Boxes) and isinstance(other, Boxes):
        overlaps = pairwise_iou(one, other)
    else:
        raise TypeError(f"{type(one).__name__} have no overlap with {type(other).__name__}")
    a, b = one.tensor[:, None], other.tensor[None].to(one.tensor)
    are_equal = torch.isclose(a, b, rtol=1e-5, atol=1e-3, equal_nan=True).all(-1)
    return overlaps.masked_fill(are_equal, 1.0)


def pair_best(
    overlaps: Float[Tensor, "R S"], least: float, allowed: Bool[Tensor, "R S"] | None = None
) -> Iterator[tuple[int, int]]:
    """Rows with columns, the largest overlap first, each once.

    Args:
        overlaps: IoU of each box with each of the other model.
        least: the least overlap of a pair.
        allowed: which pairs may be; all if None.
    """
    fits = overlaps >= least
    rows, columns = (fits if allowed is None else fits & allowed).nonzero(as_tuple=True)
    ranked = overlaps[rows, columns].argsort(descending=True, stable=True)
    left, right = set[int](), set[int]()
    for row, column in zip(rows[ranked].tolist(), columns[ranked].tolist(), strict=True):
        if row not in left and column not in right:
            left.add(row)
            right.add(column)
            yield row, column


def find_boxes(value: Any) -> list[AnyBoxes]:
    """The boxes of a value, one set for each image; none if it has no such value."""
    images = value if isinstance(value, list) else []
    if images and all(isinstance(each, (Boxes, RotatedBoxes)) for each in images):
        return list(images)
    if images and all(isinstance(each, Instances) for each in images):
        found = [list(islice(_boxes_in(each), 1)) for each in images]
        return [boxes for (boxes,) in found] if all(found) else []
    return []


def _boxes_in(instances: Instances) -> Iterator[AnyBoxes]:
    for field in instances.get_fields().values():
        if isinstance(field, (Boxes, RotatedBoxes)):
            yield field


def count_matched_boxes(one: Any, other: Any) -> tuple[int, int] | None:
    """How many boxes of a value another has, too, in whatever order, and how many there are.

    Args:
        one: the value of the first model.
        other: that of the second.

    Returns:
        The counts; None if they are no boxes of as many images and of one kind.
    """
    ours, theirs = find_boxes(one), find_boxes(other)
    if not ours or [type(each) for each in ours] != [type(each) for each in theirs]:
        return None
    pairs = zip(ours, theirs, strict=True)
    matched = sum(len([*pair_best(find_overlaps(a, b), _SAME_IOU)]) for a, b in pairs)
    return matched, sum(map(len, ours))
