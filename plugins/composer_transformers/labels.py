"""Ground truth in the form that transformers' losses expect."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from composer.structures import Instances


def make_box_labels(targets: Sequence[Instances], like: Tensor) -> list[dict[str, Any]]:
    """Returns each image's classes and boxes, the boxes as parts of the image.

    Args:
        targets: per image, in any resolution; `gt_classes` and `gt_boxes`.
        like: gives the device and the dtype of the boxes.

    Returns:
        Per image `class_labels` and `boxes` (centre, width and height, from 0 to 1).
    """
    return [_make_label(one, like) for one in targets]


def _make_label(instances: Instances, like: Tensor) -> dict[str, Any]:
    height, width = instances.image_size
    corners = instances.gt_boxes.tensor.to(like)
    low, high = corners[:, :2], corners[:, 2:]
    boxes = torch.cat([(low + high) / 2, high - low], dim=1)
    scale = boxes.new_tensor([width, height, width, height])
    classes = instances.gt_classes.to(device=like.device, dtype=torch.int64)
    return {"class_labels": classes, "boxes": boxes / scale}
