"""Selection of the mask of a class.

Legend: R regions, M the side of a mask. `_` is one mask or a mask for each class.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


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
