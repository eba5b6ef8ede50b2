"""Losses of classes of regions.

Legend: R regions, K classes without the background. `_` is K + 1 logits, the background last.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


def softmax_class_loss(
    logits: Float[Tensor, "R _"], classes: Int[Tensor, "R"]
) -> Float[Tensor, ""]:
    """Returns the mean cross entropy of a softmax; zero for no regions.

    Args:
        logits: of every class, the background last.
        classes: what each region is.
    """
    if len(classes) == 0:
        return logits.sum() * 0.0
    return F.cross_entropy(logits, classes)


def sigmoid_class_loss(
    logits: Float[Tensor, "R _"],
    classes: Int[Tensor, "R"],
    counts: Bool[Tensor, "K"] | None = None,
) -> Float[Tensor, ""]:
    """Returns the binary cross entropies of all classes, summed up, per region; zero for none.

    The logit of the background is ignored: background is where no class is.

    Args:
        logits: of every class, the background last.
        classes: what each region is.
        counts: the classes that count; all by default.
    """
    if len(classes) == 0:
        return logits.sum() * 0.0
    wanted = F.one_hot(classes, logits.shape[1])[:, :-1].to(logits.dtype)
    losses = F.binary_cross_entropy_with_logits(logits[:, :-1], wanted, reduction="none")
    if counts is not None:
        losses = losses * counts
    return losses.sum() / len(classes)


def draw_federated_classes(
    classes: Int[Tensor, "R"],
    num_drawn: int,
    weights: Float[Tensor, "K"],
    generator: torch.Generator | None,
) -> Bool[Tensor, "K"]:
    """Draws the classes that count in a step (Zhou et al. 2021, section 4.1).

    Where images are not annotated for every class, as in LVIS, only some classes are trained at
    a time: those that are there, filled up at random.

    Args:
        classes: what each region is; the number of classes for the background.
        num_drawn: how many classes count; the background is one of them where it occurs.
        weights: how likely each class is drawn.
        generator: what classes are drawn with.
    """
    num_classes = len(weights)
    present = torch.unique(classes)
    counts = torch.zeros(num_classes + 1, dtype=torch.bool, device=classes.device)
    counts[present] = True
    chances = weights.masked_fill(counts[:-1], 0.0)
    num_missing = min(num_drawn - len(present), int((chances > 0).sum()))
    if num_missing > 0:
        counts[torch.multinomial(chances, num_missing, generator=generator)] = True
    return counts[:-1]
