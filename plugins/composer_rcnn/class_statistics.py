"""How often the classes of regions are right.

Legend: R regions, K classes. `_` is K + 1 logits, the background last.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from composer.events import record_scalar


@torch.no_grad()
def record_class_statistics(
    logits: Float[Tensor, "R _"], classes: Int[Tensor, "R"], scope: str = ""
) -> None:
    """Records the shares of regions that are classified rightly, and of objects that are missed.

    Args:
        logits: of every class, the background last.
        classes: what each region is.
        scope: what comes before the names.
    """
    if len(classes) == 0:
        return
    background = logits.shape[1] - 1
    predicted = logits.argmax(dim=1)
    is_right = predicted == classes
    is_object = (classes >= 0) & (classes < background)
    record_scalar(f"{scope}fast_rcnn/cls_accuracy", is_right.float().mean())
    if is_object.any():
        misses = predicted[is_object] == background
        record_scalar(f"{scope}fast_rcnn/fg_cls_accuracy", is_right[is_object].float().mean())
        record_scalar(f"{scope}fast_rcnn/false_negative", misses.float().mean())
