"""Non-maximum suppression of upright and of rotated boxes.

Legend: B boxes, P pairs of boxes, `_` the boxes that are kept.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from composer.ops.torchvision_operators import is_followed, suppress
from composer.structures import RotatedBoxes, at_least_float32, intersect_pairs, iterate_pairs

# Of the boxes that are worked off at once; the thresholds are torchvision's.
_MOST_NUMBERS, _MOST_NUMBERS_ELSEWHERE = 4000, 100_000


def batched_nms(
    boxes: Float[Tensor, "B 4"],
    scores: Float[Tensor, "B"],
    groups: Int[Tensor, "B"],
    iou_threshold: float,
) -> Int[Tensor, "_"]:
    """Drops boxes that overlap a better one of their group, greedily from the best score down.

    Args:
        boxes: XYXY, finite. Large numbers of them are worked off group by group.
        scores: what makes a box better than another.
        groups: boxes of different groups (classes, levels) leave each other alone.
        iou_threshold: a box goes when its intersection over union with a kept one is above.

    Returns:
        The kept boxes' positions, best score first.
    """
    if len(boxes) == 0:
        return torch.zeros(0, dtype=torch.int64, device=boxes.device)
    boxes = boxes.float()
    # Groups are separated by shifting them to places of their own, which is right only for
    # boxes that do not reach below zero.
    boxes = boxes - boxes.min().clamp(max=0)
    scores = scores.float()
    if is_followed():
        from torchvision.ops import batched_nms as traced  # takes as long to import as torch

        return traced(boxes, scores, groups, iou_threshold)
    if boxes.numel() > (_MOST_NUMBERS if boxes.device.type == "cpu" else _MOST_NUMBERS_ELSEWHERE):
        return _suppress_by_group(boxes, scores, groups, iou_threshold)
    apart = groups.to(boxes) * (boxes.max() + 1)
    return suppress(boxes + apart[:, None], scores, iou_threshold)


def _suppress_by_group(
    boxes: Float[Tensor, "B 4"],
    scores: Float[Tensor, "B"],
    groups: Int[Tensor, "B"],
    iou_threshold: float,
) -> Int[Tensor, "_"]:
    """Works off each group by itself, which is faster for many boxes."""
    is_kept = torch.zeros_like(scores, dtype=torch.bool)
    for group in groups.unique():  # type: ignore[no-untyped-call]
        rows = (groups == group).nonzero().squeeze(1)
        is_kept[rows[suppress(boxes[rows], scores[rows], iou_threshold)]] = True
    kept = is_kept.nonzero().squeeze(1)
    return kept[scores[kept].sort(descending=True).indices]


def nms_rotated(
    boxes: Float[Tensor, "B 5"], scores: Float[Tensor, "B"], iou_threshold: float
) -> Int[Tensor, "_"]:
    """Drops boxes that overlap a better one, greedily from the best score down.

    Only the regions count: a box turned by 180 degrees overlaps itself wholly.

    Args:
        boxes: (centre x, centre y, width, height, angle), finite.
        scores: what makes a box better than another.
        iou_threshold: a box goes when its intersection over union with a kept one is above.

    Returns:
        The kept boxes' positions, best score first.
    """
    groups = torch.zeros(len(boxes), dtype=torch.int64, device=boxes.device)
    return batched_nms_rotated(boxes, scores, groups, iou_threshold)


def batched_nms_rotated(
    boxes: Float[Tensor, "B 5"],
    scores: Float[Tensor, "B"],
    groups: Int[Tensor, "B"],
    iou_threshold: float,
) -> Int[Tensor, "_"]:
    """Like `nms_rotated`, for groups of boxes (classes, levels) that leave each other alone.

    Args:
        boxes: (centre x, centre y, width, height, angle), finite.
        scores: what makes a box better than another.
        groups: the group of each box.
        iou_threshold: a box goes when its intersection over union with a kept one is above.

    Returns:
        The kept boxes' positions, best score first.
    """
    order = scores.argsort(descending=True, stable=True)
    boxes = at_least_float32(boxes)
    better, worse = _find_rivals(boxes[order], groups[order], iou_threshold)
    return order[_suppress(better, worse, len(order))]


def _find_rivals(
    boxes: Float[Tensor, "B 5"], groups: Int[Tensor, "B"], iou_threshold: float
) -> tuple[Int[Tensor, "P"], Int[Tensor, "P"]]:
    """Returns all pairs of a group that overlap by more than the threshold, the better one first.

    Args:
        boxes: best score first.
        groups: the group of each box.
        iou_threshold: of intersection over union.
    """
    pairs = [torch.zeros(2, 0, dtype=torch.int64, device=boxes.device)]
    for group in torch.unique(groups):
        members = (groups == group).nonzero().squeeze(1)
        pairs.append(members[_find_overlapping(RotatedBoxes(boxes[members]), iou_threshold)])
    better, worse = torch.cat(pairs, dim=1).unbind(0)
    return better, worse


def _find_overlapping(boxes: RotatedBoxes, iou_threshold: float) -> Int[Tensor, "2 P"]:
    """Returns the positions of all pairs that overlap by more than the threshold, in order."""
    area = boxes.area()
    found = [torch.zeros(2, 0, dtype=torch.int64, device=boxes.device)]
    for rows, columns in iterate_pairs(boxes, boxes, iou_threshold):
        first, second = torch.stack((rows, columns))[:, rows < columns]
        shared = intersect_pairs(boxes.tensor[first], boxes.tensor[second])
        iou = shared / (area[first] + area[second] - shared)
        found.append(torch.stack((first, second))[:, (shared > 0) & (iou > iou_threshold)])
    return torch.cat(found, dim=1)


def _suppress(better: Int[Tensor, "P"], worse: Int[Tensor, "P"], length: int) -> Bool[Tensor, "_"]:
    """Returns which boxes are kept: those that no kept one suppresses.

    Starts with all boxes and drops those that a kept one suppresses, until nothing changes. Each
    round settles one more box at least, from the best one on; in practice a few rounds do.
    """
    kept = torch.ones(length, dtype=torch.bool, device=better.device)
    while True:
        previous = kept
        kept = torch.ones_like(previous).index_fill(0, worse[previous[better]], False)
        if torch.equal(kept, previous):
            return kept
