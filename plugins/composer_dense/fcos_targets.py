"""Assignment of cells to objects by their place in them.

Legend: P points over all levels, one a cell; G objects. `_` is the points of a level.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from composer.ops import Matches, match_boxes
from composer.ranges import NonNegative, PositiveInt
from composer.structures import Anchors, Boxes, Instances
from composer_dense.targets import AnchorTargets, assign_objects

# A level is for the objects whose farthest edge is this many strides away from the point.
_NEAREST_EDGE, _FARTHEST_EDGE = 4.0, 8.0

# No object has such an area in square pixels: a smaller one fits a point better.
_LARGE_AREA = 1e8
_ANY_MATCH = 1e-5


@torch.no_grad()
def fcos_targets(
    anchors: Anchors,
    targets: list[Instances],
    *,
    num_classes: PositiveInt,
    center_sampling_radius: NonNegative = 1.5,
) -> AnchorTargets:
    """Gives a cell the smallest of the objects that it lies in, near the centre of.

    Each level is for objects of its own size (Tian et al. 2019, sections 3.1 and 3.2; 2020, section
    2.2 for the centres). There are no cells that do not count.

    Args:
        anchors: per level, one a cell: its centre is the cell's place, its side the stride.
        targets: per image, with `gt_boxes` and `gt_classes`; there may be no objects.
        num_classes: number of classes, which is the class of the background.
        center_sampling_radius: how far from the centre of an object, along either axis, a point
            may be to be for it, in strides.
    """

    def match(truth: Boxes) -> Matches:
        quality = rate_points(anchors, truth, center_sampling_radius)
        return match_boxes(quality, (_ANY_MATCH,), (0, 1))

    return assign_objects(targets, anchors[0].device, num_classes, match)


def rate_points(
    anchors: Sequence[Float[Tensor, "_ 4"]], objects: Boxes, center_sampling_radius: float
) -> Float[Tensor, "G P"]:
    """Scores how well each object fits each point: 0 for misfits, higher for small objects.

    Args:
        anchors: per level, one a point: its centre is the point, its side the stride.
        objects: the boxes of an image's objects.
        center_sampling_radius: how far from the centre of an object a point may be, in strides.
    """
    boxes = Boxes(torch.cat(list(anchors)))
    points, strides = boxes.get_centers(), boxes.tensor[:, 2] - boxes.tensor[:, 0]
    to_center = (points[None] - objects.get_centers()[:, None]).abs().amax(dim=2)
    to_edges = torch.cat(
        (points[None] - objects.tensor[:, None, :2], objects.tensor[:, None, 2:] - points[None]),
        dim=2,
    )
    farthest = to_edges.amax(dim=2)
    at_least, at_most = strides * _NEAREST_EDGE, strides * _FARTHEST_EDGE
    at_least[: len(anchors[0])] = 0
    at_most[len(points) - len(anchors[-1]) :] = float("inf")
    fits = (
        (to_center < center_sampling_radius * strides)
        & (to_edges.amin(dim=2) > 0)
        & (farthest > at_least)
        & (farthest < at_most)
    )
    return fits * (_LARGE_AREA - objects.area()[:, None])
