"""The normalizer of the losses of a batch."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class MovingNormalizer(nn.Module):
    """A moving average of the number of positive anchors.

    The number itself varies a lot between small batches. The average is no weight: it is not
    part of the state dict, and starts anew with every training. It stays as it is in evaluation.

    Args:
        initial: its first value.
        momentum: the share of the old value in a new one; 0 takes the number of the batch, in
            evaluation too.
    """

    value: Tensor

    def __init__(self, *, initial: float, momentum: float = 0.9) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("value", torch.tensor(float(initial)), persistent=False)

    def forward(self, num_positives: int) -> Float[Tensor, ""]:
        """Returns the average, which takes the batch in; it counts as one positive at least."""
        if self.training or self.momentum == 0:
            # A new tensor: the old one may still be needed for a gradient.
            number = max(num_positives, 1)
            self.value = self.value * self.momentum + number * (1 - self.momentum)
        return self.value
