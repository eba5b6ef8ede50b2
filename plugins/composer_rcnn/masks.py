"""From mask logits to the masks of the detected classes.

Legend: R detections over all images.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from composer.ops import split_regions
from composer.structures import Classes, MaskLogits, MaskProbabilities


def masks(mask_logits: MaskLogits, classes: list[Classes]) -> list[MaskProbabilities]:
    """Takes each detection's mask for its own class, as probabilities (He et al. 2017, section 3).

    Args:
        mask_logits: of all detections, one mask a class or one in all.
        classes: the detections' classes, per image.

    Raises:
        ValueError: there are not as many masks as classes, or a class has no mask.
    """
    counts = [len(one) for one in classes]
    if sum(counts) != len(mask_logits):
        raise ValueError(f"{len(mask_logits)} masks, but {sum(counts)} classes.")
    chosen = mask_logits if mask_logits.shape[1] == 1 else _pick_class(mask_logits, classes)
    return split_regions(chosen.sigmoid(), counts)


def _pick_class(
    mask_logits: Float[Tensor, "R _ _ _"], classes: list[Classes]
) -> Float[Tensor, "R 1 _ _"]:
    if not classes:
        return mask_logits[:, :1]
    channels = torch.cat(classes).to(mask_logits.device)
    rows = torch.arange(len(channels), device=mask_logits.device)
    if bool(((channels < 0) | (channels >= mask_logits.shape[1])).any()):
        raise ValueError(
            f"Classes go up to {int(channels.max())}, but there are masks of "
            f"{mask_logits.shape[1]} classes."
        )
    return mask_logits[rows, channels][:, None]
