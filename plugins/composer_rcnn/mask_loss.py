"""The mask loss of regions.

Legend: R regions over all images, M the side of a mask.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from composer.events import record_scalar
from composer.ops import find_known_masks
from composer.ranges import NonNegative
from composer.structures import Boxes, Classes, Indices, Instances, Losses, MaskLogits
from composer_rcnn.masks import pick_class_masks


def mask_loss(
    mask_logits: MaskLogits,
    boxes: list[Boxes],
    classes: list[Classes],
    matched_indices: list[Indices],
    targets: list[Instances],
    *,
    loss_weight: NonNegative = 1.0,
) -> Losses:
    """Compares each region's mask for its class with its object's (He et al. 2017, section 3).

    Records `mask_rcnn/accuracy`, `mask_rcnn/false_positive` and `mask_rcnn/false_negative`, all
    of them shares of pixels.

    Args:
        mask_logits: of all regions, one mask a class or one in all.
        boxes: the regions, per image; all have an object.
        classes: the objects' classes.
        matched_indices: which of its image's objects each region has in it.
        targets: the ground truth of every image, with `gt_masks`. Regions of objects whose mask is
            empty teach nothing: such a mask is not known.
        loss_weight: factor of the loss.

    Returns:
        `loss_mask`.

    Raises:
        ValueError: the numbers of masks and regions differ.
    """
    known = find_known_masks(boxes, matched_indices, targets, mask_logits).to(mask_logits.device)
    if not known.any():
        return {"loss_mask": mask_logits.sum() * 0.0}
    logits = pick_class_masks(mask_logits, torch.cat(classes).to(mask_logits.device))
    wanted = _crop_targets(boxes, matched_indices, targets, logits.shape[-1]).to(logits.device)
    logits, wanted = logits[known], wanted[known]
    _record_statistics(logits > 0, wanted)
    loss = F.binary_cross_entropy_with_logits(logits, wanted.to(logits.dtype))
    return {"loss_mask": loss * loss_weight}


def _crop_targets(
    boxes: list[Boxes], matched_indices: list[Indices], targets: list[Instances], mask_size: int
) -> Bool[Tensor, "R M M"]:
    crops = [
        target.gt_masks[indices.cpu()].crop_and_resize(one.tensor, mask_size).to(one.device)
        for one, indices, target in zip(boxes, matched_indices, targets, strict=True)
        if len(one)
    ]
    return torch.cat(crops)


@torch.no_grad()
def _record_statistics(predicted: Bool[Tensor, "R M M"], wanted: Bool[Tensor, "R M M"]) -> None:
    is_wrong = predicted != wanted
    record_scalar("mask_rcnn/accuracy", 1 - _share(is_wrong, torch.ones_like(wanted)))
    record_scalar("mask_rcnn/false_positive", _share(is_wrong, ~wanted))
    record_scalar("mask_rcnn/false_negative", _share(is_wrong, wanted))


def _share(marked: Bool[Tensor, "R M M"], among: Bool[Tensor, "R M M"]) -> Float[Tensor, ""]:
    """Returns how many of some pixels are marked; 0 of none."""
    return (marked & among).sum() / among.sum().clamp(min=1)
