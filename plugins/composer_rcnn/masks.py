"""From mask logits to the masks of the detected classes.

Legend: R regions, M the side of a mask. `_` is one mask or a mask for each class.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from composer.ops import split_regions
from composer.structures import Classes, MaskLogits, MaskProbabilities
from composer.translation import translated_by


@translated_by("composer_rcnn.onnx_results:translate_masks")
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


def pick_class_masks(
    logits: Float[Tensor, "R _ M M"], classes: Int[Tensor, "R"]
) -> Float[Tensor, "R M M"]:
    """Returns each region's mask for its class, or the one that the classes share.

    Raises:
        ValueError: a class has no mask.
    """
    if logits.shape[1] == 1:
        return logits[:, 0]
    if bool(((classes < 0) | (classes >= logits.shape[1])).any()):
        raise ValueError(
            f"Classes go up to {int(classes.max())}, but there are masks of "
            f"{logits.shape[1]} classes."
        )
    return logits[torch.arange(len(classes), device=logits.device), classes]
