"""Training targets of anchors.

Legend: A anchors of all levels, G objects of an image.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from composer.ops import check_truth_boxes, check_truth_classes
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


class Truth(NamedTuple):
    """The objects of one image, on the device of the anchors."""

    boxes: Float[Tensor, "G 4"]
    classes: Int[Tensor, "G"]


def read_truth(targets: Instances, device: torch.device, num_classes: int) -> Truth:
    """Returns the ground truth of an image on a device.

    Args:
        targets: with `gt_boxes` and `gt_classes`.
        device: the device.
        num_classes: number of classes.

    Raises:
        ValueError: an object has no area, or a class that there is not.
    """
    check_truth_boxes(targets.gt_boxes)
    check_truth_classes(targets.gt_classes, num_classes)
    return Truth(targets.gt_boxes.tensor.to(device), targets.gt_classes.to(device))


def assign_objects(
    truth: Truth, objects: Int[Tensor, "A"], labels: Int[Tensor, "A"], num_classes: int
) -> tuple[Int[Tensor, "A"], Boxes]:
    """Gives each anchor the class and the box of its object.

    Args:
        truth: the objects of the image; there may be none.
        objects: the object that each anchor is matched with.
        labels: 1 for an anchor that is for its object, 0 for one that is for the background, -1
            for one that does not count.
        num_classes: the class of the background.
    """
    if len(truth.boxes) == 0:
        boxes = truth.boxes.new_zeros(len(objects), 4)
        return torch.where(labels == 0, num_classes, -1), Boxes(boxes)
    classes = truth.classes[objects].masked_fill(labels == 0, num_classes)
    return classes.masked_fill(labels == -1, -1), Boxes(truth.boxes[objects])
