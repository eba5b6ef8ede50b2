"""Losses of classes of anchors.

Legend: N images, A anchors of all levels, K classes.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def sum_focal_loss(
    logits: Float[Tensor, "N A K"], classes: Int[Tensor, "N A"], *, alpha: float, gamma: float
) -> Float[Tensor, ""]:
    """Sums up the focal loss of all anchors that count (Lin et al. 2017, section 3).

    There are many, so that half precision is summed up in float32.

    Args:
        logits: of each class.
        classes: what each anchor is to be: K for the background, -1 where it does not count.
        alpha: weight of what there is; what there is not has 1 - alpha. Negative for none.
        gamma: exponent that lowers the weight of easy examples.
    """
    from torchvision.ops import sigmoid_focal_loss  # takes as long to import as torch

    counts = classes >= 0
    num_classes = logits.shape[2]
    predicted = logits[counts]
    predicted = predicted if predicted.dtype == torch.float64 else predicted.float()
    wanted = F.one_hot(classes[counts], num_classes + 1)[:, :-1].to(predicted)
    return sigmoid_focal_loss(predicted, wanted, alpha, gamma, reduction="sum")
