"""The mask loss of regions as torchvision computes it.

Legend: R regions over all images, M the side of a mask.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from composer.ops import find_known_masks
from composer.structures import (
    Boxes,
    Classes,
    Indices,
    Instances,
    Losses,
    MaskLogits,
    check_samples,
)


def torchvision_mask_loss(
    mask_logits: MaskLogits,
    boxes: list[Boxes],
    classes: list[Classes],
    matched_indices: list[Indices],
    targets: list[Instances],
) -> Losses:
    """Compares each region's mask for its class with its object's (He et al. 2017, section 3).

    What a mask is to be lies between 0 and 1 at its border: it is not cut off at a half, and it
    is sampled half a pixel off.

    Args:
        mask_logits: of all regions, one mask a class.
        boxes: the regions, per image; all have an object.
        classes: the objects' classes.
        matched_indices: which of its image's objects each region has in it.
        targets: the ground truth of every image, with `gt_masks` as bit masks. Regions of objects
            whose mask is empty teach nothing: such a mask is not known.

    Returns:
        `loss_mask`.

    Raises:
        ValueError: the numbers of masks and regions differ.
    """
    known = find_known_masks(boxes, matched_indices, targets, mask_logits).to(mask_logits.device)
    if not known.any():
        return {"loss_mask": mask_logits.sum() * 0.0}
    columns = torch.cat(classes).to(mask_logits.device)
    logits = mask_logits[torch.arange(len(columns), device=columns.device), columns]
    wanted = _crop_targets(boxes, matched_indices, targets, logits.shape[-1]).to(logits)
    return {"loss_mask": F.binary_cross_entropy_with_logits(logits[known], wanted[known])}


def _crop_targets(
    boxes: list[Boxes], matched_indices: list[Indices], targets: list[Instances], mask_size: int
) -> Float[Tensor, "R M M"]:
    from torchvision.ops import roi_align  # takes as long to import as torch

    crops = []
    for one, indices, target in zip(boxes, matched_indices, targets, strict=True):
        if len(one) == 0:
            continue
        check_samples(one.tensor)
        masks = target.gt_masks.tensor[:, None].to(one.tensor)
        regions = torch.cat((indices[:, None].to(one.tensor), one.tensor), dim=1)
        crops.append(roi_align(masks, regions, (mask_size, mask_size), 1.0)[:, 0])
    return torch.cat(crops)
