"""Selection of the sampled regions with an object."""

from typing import NamedTuple

from composer.ranges import PositiveInt
from composer.structures import Boxes, Classes, Indices


class Foreground(NamedTuple):
    """Regions with an object.

    Args:
        boxes: per image.
        classes: the objects' classes.
        matched_indices: which of its image's objects each region has in it.
        rows: which of all images' regions each one is.
    """

    boxes: list[Boxes]
    classes: list[Classes]
    matched_indices: list[Indices]
    rows: list[Indices]


def foreground(
    boxes: list[Boxes],
    classes: list[Classes],
    matched_indices: list[Indices],
    *,
    num_classes: PositiveInt,
) -> Foreground:
    """Leaves out the background: only objects have masks and keypoints (He et al. 2017, 3).

    Args:
        boxes: the regions of every image.
        classes: target classes; `num_classes` for the background.
        matched_indices: which of its image's objects fits each region best.
        num_classes: number of classes, without the background.
    """
    picked = Foreground([], [], [], [])
    num_before = 0
    for image_boxes, image_classes, indices in zip(boxes, classes, matched_indices, strict=True):
        is_object = (image_classes >= 0) & (image_classes < num_classes)
        rows = is_object.nonzero().squeeze(1)
        picked.boxes.append(image_boxes[rows])
        picked.classes.append(image_classes[rows])
        picked.matched_indices.append(indices[rows])
        picked.rows.append(rows + num_before)
        num_before += len(image_boxes)
    return picked
