"""From mask logits to the masks of the detected classes."""

import torch

from composer.ops import split_regions
from composer.structures import Classes, MaskLogits, MaskProbabilities
from composer_rcnn.class_columns import pick_class_masks


def masks(mask_logits: MaskLogits, classes: list[Classes]) -> list[MaskProbabilities]:
    """Takes each detection's mask for its own class, as probabilities (He et al. 2017, section 3).

    Args:
        mask_logits: of all detections, one mask a class or one in all.
        classes: the detections' classes, per image.

    Raises:
        ValueError: the numbers of masks and classes differ, or a class has no mask.
    """
    counts = [len(one) for one in classes]
    if sum(counts) != len(mask_logits):
        raise ValueError(f"{len(mask_logits)} masks, but {sum(counts)} classes.")
    channels = torch.cat(classes) if classes else torch.zeros(0, dtype=torch.int64)
    chosen = pick_class_masks(mask_logits, channels.to(mask_logits.device))
    return split_regions(chosen[:, None].sigmoid(), counts)
