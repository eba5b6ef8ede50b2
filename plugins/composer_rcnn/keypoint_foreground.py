"""Selection of the regions that show a keypoint of their object.

Legend: B regions of an image, K keypoints of an object.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from composer.events import record_scalar
from composer.structures import Boxes, Indices, Instances


class KeypointForeground(NamedTuple):
    """Regions with a keypoint.

    Args:
        boxes: per image.
        matched_indices: which of its image's objects each region has in it.
    """

    boxes: list[Boxes]
    matched_indices: list[Indices]


@torch.no_grad()
def keypoint_foreground(
    boxes: list[Boxes], matched_indices: list[Indices], targets: list[Instances]
) -> KeypointForeground:
    """Leaves out regions in which no labelled keypoint of their object lies.

    Records `keypoint_head/num_fg_samples`, per image with an object.

    Args:
        boxes: the regions with an object, per image.
        matched_indices: which of its image's objects each region has in it.
        targets: the ground truth of every image, with `gt_keypoints`.
    """
    picked = KeypointForeground([], [])
    counts = []
    for one, indices, target in zip(boxes, matched_indices, targets, strict=True):
        rows = torch.zeros_like(indices)
        if len(one):
            points = target.gt_keypoints.tensor.to(one.device)[indices]
            rows = _shows_keypoint(one.tensor, points).nonzero().squeeze(1)
            counts.append(len(rows))
        picked.boxes.append(one[rows])
        picked.matched_indices.append(indices[rows])
    if counts:
        record_scalar("keypoint_head/num_fg_samples", sum(counts) / len(counts))
    return picked


def _shows_keypoint(
    boxes: Float[Tensor, "B 4"], keypoints: Float[Tensor, "B K 3"]
) -> Bool[Tensor, "B"]:
    places, visibility = keypoints[..., :2], keypoints[..., 2]
    is_inside = (places >= boxes[:, None, :2]) & (places <= boxes[:, None, 2:])
    return (is_inside.all(dim=2) & (visibility >= 1)).any(dim=1)
