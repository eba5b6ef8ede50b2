"""What is predicted for each class, and for which class it is wanted.

Legend: R regions, K classes. `_` is 4 offsets for one or K classes, or one mask or K masks.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def pick_class_deltas(
    deltas: Float[Tensor, "R _"], classes: Int[Tensor, "R"]
) -> Float[Tensor, "R 4"]:
    """Returns each region's offsets for its class, or those that the classes share."""
    per_class = deltas.reshape(len(deltas), deltas.shape[1] // 4, 4)
    columns = classes if per_class.shape[1] > 1 else torch.zeros_like(classes)
    return per_class[torch.arange(len(deltas), device=deltas.device), columns]


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
