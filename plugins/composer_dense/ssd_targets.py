"""Assignment of the default boxes of SSD to objects.

Legend: G objects of an image, B default boxes.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from composer.ops import Matches, match_boxes
from composer.ranges import Fraction, PositiveInt
from composer.structures import Anchors, Boxes, Instances, pairwise_iou
from composer_dense.targets import AnchorTargets, assign_objects

_LABELS = (0, 1)


@torch.no_grad()
def ssd_targets(
    anchors: Anchors,
    targets: list[Instances],
    *,
    num_classes: PositiveInt,
    iou_threshold: Fraction = 0.5,
) -> AnchorTargets:
    """Matches every default box with the object that it overlaps most (Liu et al. 2016, 2.2).

    Each object has the box that overlaps it most in any case, even if that box overlaps another
    one more. Of objects with the same best box, the last one has it.

    Args:
        anchors: per level.
        targets: per image, with `gt_boxes` and `gt_classes`; there may be no objects.
        num_classes: number of classes, which is the class of the background.
        iou_threshold: a box is for an object from this intersection over union on.
    """
    boxes = Boxes(torch.cat(anchors))

    def match(truth: Boxes) -> Matches:
        overlap = pairwise_iou(truth, boxes)
        matches = match_boxes(overlap, (iou_threshold,), _LABELS)
        return give_each_object_its_best(matches, overlap) if len(boxes) else matches

    return assign_objects(targets, boxes.device, num_classes, match)


def give_each_object_its_best(matches: Matches, overlap: Float[Tensor, "G B"]) -> Matches:
    """Returns matches in which every object has the box that overlaps it most.

    Args:
        matches: the best object of each box.
        overlap: of each object with each box.
    """
    objects = torch.arange(len(overlap), device=overlap.device)
    owners = torch.full_like(matches.indices, -1)
    owners = owners.scatter_reduce(0, overlap.argmax(dim=1), objects, "amax")
    is_owned = owners >= 0
    return Matches(
        torch.where(is_owned, owners, matches.indices), matches.labels.masked_fill(is_owned, 1)
    )
