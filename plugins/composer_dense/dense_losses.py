"""The common parts of the losses of anchors: positives, and their average number.

Legend: N images, A anchors of all levels, P positive anchors over all images. `_` is the
numbers of an anchor, and as many anchors as a target says.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from composer.structures import Boxes


class Positives(NamedTuple):
    """The positive anchors.

    Args:
        images: the image of each.
        rows: which of the image's anchors it is.
        boxes: the box of its object, XYXY in pixels.
    """

    images: Int[Tensor, "P"]
    rows: Int[Tensor, "P"]
    boxes: Float[Tensor, "P 4"]


def stack_classes(
    classes: Sequence[Int[Tensor, "_"]], like: Float[Tensor, "N A _"]
) -> Int[Tensor, "N A"]:
    """Stacks the target classes of all images; there may be no images.

    Args:
        classes: per image.
        like: the predictions.

    Raises:
        ValueError: the numbers of images or anchors do not fit.
    """
    counts = {len(one) for one in classes}
    if len(classes) != len(like) or counts - {like.shape[1]}:
        raise ValueError(
            f"Predictions for {like.shape[1]} anchors of {len(like)} images, but targets for "
            f"{', '.join(map(str, counts)) or 'no'} anchors of {len(classes)} images."
        )
    if not classes:
        return torch.zeros(like.shape[:2], dtype=torch.int64, device=like.device)
    return torch.stack(list(classes))


def find_positives(
    classes: Int[Tensor, "N A"], boxes: Sequence[Boxes], num_classes: int
) -> Positives:
    """Finds the anchors that are for an object.

    Args:
        classes: what each anchor is to be.
        boxes: per image, the box that each anchor is for.
        num_classes: the class of the background.
    """
    images, rows = ((classes >= 0) & (classes != num_classes)).nonzero(as_tuple=True)
    per_image = [one.tensor[rows[images == image]] for image, one in enumerate(boxes)]
    wanted = torch.cat(per_image) if per_image else torch.zeros(0, 4, device=classes.device)
    return Positives(images, rows, wanted)


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
