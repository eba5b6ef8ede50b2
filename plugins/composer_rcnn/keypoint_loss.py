"""The keypoint loss of regions.

Legend: `_` is the keypoints of an image's regions.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor

from composer.ranges import Fraction, NonNegative, PositiveInt
from composer.structures import Boxes, Indices, Instances, KeypointLogits, Losses


def keypoint_loss(
    keypoint_logits: KeypointLogits,
    boxes: list[Boxes],
    matched_indices: list[Indices],
    targets: list[Instances],
    *,
    normalize_loss_by_visible_keypoints: bool = True,
    batch_size_per_image: PositiveInt = 512,
    positive_fraction: Fraction = 0.25,
    loss_weight: NonNegative = 1.0,
) -> Losses:
    """Compares predicted keypoints with the visible ones of the objects (He et al. 2017, 5).

    Each keypoint is a choice among the cells of its map. The sum over keypoints is divided by
    their number, or by the number that there would be if all sampled regions showed all of them.

    Args:
        keypoint_logits: of all regions, one map a keypoint.
        boxes: the regions, per image; all have an object.
        matched_indices: which of its image's objects each region has in it.
        targets: the ground truth of every image, with `gt_keypoints`.
        normalize_loss_by_visible_keypoints: whether to divide by the number of visible keypoints.
        batch_size_per_image: otherwise, how many regions of an image were to be drawn, ...
        positive_fraction: ... and the share of regions with an object among them.
        loss_weight: factor of the loss.

    Returns:
        `loss_keypoint`.

    Raises:
        ValueError: there are not as many sets of maps as regions, or not as many maps as
            keypoints.
    """
    num_regions, num_keypoints, height, width = keypoint_logits.shape
    if sum(len(one) for one in boxes) != num_regions:
        raise ValueError(
            f"{sum(len(one) for one in boxes)} regions, but keypoints of {num_regions}."
        )
    places = _find_places(boxes, matched_indices, targets, height)
    cells, is_visible = (torch.cat(column).to(keypoint_logits.device) for column in places)
    if len(cells) != num_regions * num_keypoints:
        known = len(cells) // num_regions
        raise ValueError(f"{num_keypoints} keypoints are predicted, but objects have {known}.")
    rows = is_visible.nonzero().squeeze(1)
    if len(rows) == 0:
        return {"loss_keypoint": keypoint_logits.sum() * 0.0}
    logits = keypoint_logits.reshape(num_regions * num_keypoints, height * width)
    loss = F.cross_entropy(logits[rows], cells[rows], reduction="sum")
    expected = len(boxes) * num_keypoints * batch_size_per_image * positive_fraction
    normalizer = len(rows) if normalize_loss_by_visible_keypoints else expected
    return {"loss_keypoint": loss * (loss_weight / normalizer)}


def _find_places(
    boxes: list[Boxes], matched_indices: list[Indices], targets: list[Instances], size: int
) -> tuple[list[Int[Tensor, "_"]], list[Int[Tensor, "_"]]]:
    """Returns each keypoint's cell, and 1 where it is visible and inside its region, else 0."""
    device = boxes[0].device if boxes else torch.device("cpu")
    cells = [torch.zeros(0, dtype=torch.int64, device=device)]
    valid = list(cells)
    for one, indices, target in zip(boxes, matched_indices, targets, strict=True):
        if len(one):
            keypoints = target.gt_keypoints[indices.cpu()].to(one.device)
            found = keypoints.to_heatmap(one.tensor, size)
            cells.append(found[0].flatten())
            valid.append(found[1].flatten())
    return cells, valid
