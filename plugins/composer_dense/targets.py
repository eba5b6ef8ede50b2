"""Training targets of anchors.

Legend: A anchors of all levels, G objects of an image.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from composer.ops import Matches, check_truth_boxes, check_truth_classes
from composer.structures import AnchorClasses, Boxes, Instances


class AnchorTargets(NamedTuple):
    """Training targets of the anchors of every image.

    Args:
        classes: of the object that each anchor is for, the number of classes for the background,
            -1 where the anchor does not count.
        boxes: of that object; any box where there is none.
    """

    classes: list[AnchorClasses]
    boxes: list[Boxes]


def assign_objects(
    targets: Sequence[Instances],
    device: torch.device,
    num_classes: int,
    match: Callable[[Boxes], Matches],
) -> AnchorTargets:
    """Gives each anchor the class and the box of its object, in every image.

    Args:
        targets: with `gt_boxes` and `gt_classes`; an image may have no objects.
        device: the anchors' device.
        num_classes: number of classes, which is the class of the background.
        match: from the objects of an image to the one that each anchor is matched with, and a
            label: 1 for an anchor that is for its object, 0 for one that is for the background, -1
            for one that does not count.

    Raises:
        ValueError: an object has no area, or a class that there is not.
    """
    found = AnchorTargets([], [])
    for one in targets:
        check_truth_boxes(one.gt_boxes)
        check_truth_classes(one.gt_classes, num_classes)
        truth: Boxes = one.gt_boxes.to(device)
        objects, labels = match(truth)
        if len(truth) == 0:
            classes = torch.full_like(labels, num_classes)
            found.boxes.append(Boxes(truth.tensor.new_zeros(len(objects), 4)))
        else:
            classes = one.gt_classes.to(device)[objects].masked_fill(labels == 0, num_classes)
            found.boxes.append(truth[objects])
        found.classes.append(classes.masked_fill(labels == -1, -1))
    return found
