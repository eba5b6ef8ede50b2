"""Non-maximum suppression.

Legend: B boxes, `_` the boxes that are kept.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


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
    import torchvision  # takes as long to import as torch

    if len(boxes) == 0:
        return torch.zeros(0, dtype=torch.int64, device=boxes.device)
    boxes = boxes.float()
    # Groups are told apart by shifting them to places of their own, which is right only for
    # boxes that do not reach below zero.
    boxes = boxes - boxes.min().clamp(max=0)
    return torchvision.ops.batched_nms(boxes, scores.float(), groups, iou_threshold)
