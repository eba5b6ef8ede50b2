"""Checks of ground truth that would make a loss infinite.

Legend: R regions over all images.
"""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from composer.structures import Boxes, Instances, RotatedBoxes


def check_truth_boxes(boxes: Boxes | RotatedBoxes) -> None:
    """Checks that the boxes of an image's objects are finite and have an area.

    Raises:
        ValueError: one is not: its offsets would be infinite.
    """
    is_fit = boxes.tensor.isfinite().all(dim=1) & boxes.nonempty()
    if not bool(is_fit.all()):
        row = int((~is_fit).nonzero()[0])
        raise ValueError(
            f"gt_boxes: the box of object {row} of {len(boxes)} in an image, "
            f"{boxes.tensor[row].tolist()}, has no area or is not finite. Leave such objects out."
        )


def check_truth_classes(classes: Int[Tensor, "_"], num_classes: int) -> None:
    """Checks that classes are in range, or -1 for ignored objects.

    Raises:
        ValueError: one has not.
    """
    if bool(((classes < -1) | (classes >= num_classes)).any()):
        raise ValueError(
            f"gt_classes of an image go from {int(classes.min())} to {int(classes.max())}, but "
            f"num_classes is {num_classes}: classes are counted from 0 to {num_classes - 1}."
        )


def find_known_masks(
    matched_indices: list[Int[Tensor, "_"]], targets: list[Instances]
) -> Bool[Tensor, "R"]:
    """Returns which regions have an object with a mask that is not empty.

    Args:
        matched_indices: which of its image's objects each region has, one region at least in all.
        targets: the ground truth of every image, with `gt_masks`.
    """
    pairs = zip(matched_indices, targets, strict=True)
    return torch.cat([one.gt_masks.nonempty().cpu()[at.cpu()] for at, one in pairs if len(at)])
