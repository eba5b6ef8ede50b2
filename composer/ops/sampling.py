"""Sampling of labelled boxes for training.

Legend: B boxes, `_` those that are drawn.
"""

import torch
from jaxtyping import Int
from torch import Tensor


def sample_labels(
    labels: Int[Tensor, "B"],
    num_samples: int,
    positive_fraction: float,
    background: int,
    generator: torch.Generator | None = None,
) -> tuple[Int[Tensor, "_"], Int[Tensor, "_"]]:
    """Draws positives and negatives at random (Girshick 2015, section 2.3).

    Positives take their share at most; negatives fill up what is left.

    Args:
        labels: -1 for boxes that are left out, `background` for negatives, anything else for
            positives.
        num_samples: how many to draw, if there are as many.
        positive_fraction: the share of positives at most.
        background: the label of negatives.
        generator: what the positives, then the negatives are drawn with.

    Returns:
        The positions of the positives and of the negatives, in random order.
    """
    positive = ((labels != -1) & (labels != background)).nonzero().squeeze(1)
    negative = (labels == background).nonzero().squeeze(1)
    num_positive = min(int(num_samples * positive_fraction), len(positive))
    num_negative = min(num_samples - num_positive, len(negative))
    return (
        _draw(positive, num_positive, generator),
        _draw(negative, num_negative, generator),
    )


def _draw(
    positions: Int[Tensor, "_"], count: int, generator: torch.Generator | None
) -> Int[Tensor, "_"]:
    order = torch.randperm(len(positions), generator=generator, device=positions.device)
    return positions[order[:count]]
