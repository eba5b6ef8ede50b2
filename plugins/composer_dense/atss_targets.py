"""Adaptive assignment of cells to objects (ATSS).

Legend: P points over all levels, one a cell; G objects. `_` is the points of a level.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from composer.ops import Matches, match_boxes
from composer.ranges import Positive, PositiveInt
from composer.structures import Anchors, Boxes, Instances, pairwise_iou
from composer_dense.targets import AnchorTargets, assign_objects


@torch.no_grad()
def atss_targets(
    anchors: Anchors,
    targets: list[Instances],
    *,
    num_classes: PositiveInt,
    topk: PositiveInt = 9,
    anchor_scale: Positive = 8.0,
    class_agnostic: bool = False,
) -> AnchorTargets:
    """Gives each object the cells whose anchors overlap it most (Zhang et al. 2020).

    The nearest cells of each level are candidates. The mean of their overlaps plus the standard
    deviation is the least overlap that counts; the centre of the cell has to lie in the object. A
    cell of several objects is for that of the largest overlap.

    Args:
        anchors: per level, one a cell: its centre is the cell's place, its side the stride.
        targets: per image, with `gt_boxes` and `gt_classes`; there may be no objects.
        num_classes: number of classes, which is the class of the background.
        topk: number of candidates of a level.
        anchor_scale: side of the square around the cell whose overlap counts, in strides.
        class_agnostic: whether all objects are of one class, the first, as proposals are.

    Raises:
        ValueError: an object has no area, or a class that there is not.
    """
    if class_agnostic:
        targets = [
            Instances(
                one.image_size,
                gt_boxes=one.gt_boxes,
                gt_classes=torch.zeros_like(one.gt_classes),
            )
            for one in targets
        ]
    num_cells = [len(level) for level in anchors]
    cells = Boxes(torch.cat(anchors))
    squares = _scale_boxes(cells, anchor_scale)

    def match(truth: Boxes) -> Matches:
        overlap = pairwise_iou(truth, squares)
        is_fit = _find_fitting(cells, truth, overlap, num_cells, topk)
        return match_boxes((1 + overlap) * is_fit, (0.5,), (0, 1))

    return assign_objects(targets, cells.device, num_classes, match)


def _find_fitting(
    cells: Boxes,
    truth: Boxes,
    overlap: Float[Tensor, "G P"],
    num_cells: Sequence[int],
    topk: int,
) -> Bool[Tensor, "G P"]:
    if len(truth) == 0:
        return torch.zeros_like(overlap, dtype=torch.bool)
    points = cells.get_centers()
    distances = torch.cdist(truth.get_centers(), points)
    candidates = torch.cat(_find_nearest(distances, num_cells, topk), dim=1)
    overlaps = overlap.gather(1, candidates)
    least = overlaps.mean(dim=1) + overlaps.std(dim=1, correction=min(1, overlaps.shape[1] - 1))
    is_candidate = torch.zeros_like(overlap, dtype=torch.bool).scatter_(1, candidates, True)
    inside = (points[None] > truth.tensor[:, None, :2]) & (points[None] < truth.tensor[:, None, 2:])
    return is_candidate & (overlap >= least[:, None]) & inside.all(dim=2)


def _find_nearest(
    distances: Float[Tensor, "G P"], num_cells: Sequence[int], topk: int
) -> list[Tensor]:
    """Returns for each level which cells are the nearest to each object."""
    found, start = [], 0
    for count in num_cells:
        level = distances[:, start : start + count]
        found.append(level.topk(min(topk, count), dim=1, largest=False).indices + start)
        start += count
    return found


def _scale_boxes(boxes: Boxes, factor: float) -> Boxes:
    centers = boxes.get_centers()
    halves = (boxes.tensor[:, 2:] - boxes.tensor[:, :2]) * (factor / 2)
    return Boxes(torch.cat((centers - halves, centers + halves), dim=1))
