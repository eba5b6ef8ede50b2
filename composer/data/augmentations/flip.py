"""Random flips."""

from typing import Literal

import torch

from composer.data.augmentations.chance import happens
from composer.data.samples import Sample
from composer.data.transforms import flip_horizontally, flip_vertically
from composer.ranges import Fraction


class RandomFlip:
    """Mirrors a sample, with the left and right keypoints of each object swapped.

    Args:
        probability: how often.
        direction: `horizontal` swaps left and right, `vertical` top and bottom.
    """

    def __init__(
        self,
        *,
        probability: Fraction = 0.5,
        direction: Literal["horizontal", "vertical"] = "horizontal",
    ) -> None:
        self.probability = probability
        self.flip = flip_horizontally if direction == "horizontal" else flip_vertically

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the sample or its mirror image."""
        return self.flip(sample) if happens(generator, self.probability) else sample
