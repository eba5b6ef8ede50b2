"""Random rotations."""

import torch

from composer.data.augmentations.chance import check_order, draw_uniform, happens
from composer.data.samples import Sample
from composer.data.transforms import find_rotation, warp_sample
from composer.ranges import Fraction


class RandomRotation:
    """Rotates about the image's centre.

    Boxes become those around the rotated masks. Where there are no masks they are those around the
    rotated corners, and wider than the objects: with such data, keep to small angles.

    Args:
        degrees: the smallest and the largest angle, counter-clockwise.
        expand: whether the image grows, so that nothing is cut off.
        probability: how often.

    Raises:
        ValueError: the smallest angle is larger than the largest.
    """

    def __init__(
        self,
        *,
        degrees: tuple[float, float] = (-10.0, 10.0),
        expand: bool = True,
        probability: Fraction = 1.0,
    ) -> None:
        check_order("degrees", degrees)
        self.degrees = degrees
        self.expand = expand
        self.probability = probability

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the sample, rotated or as it is."""
        if not happens(generator, self.probability):
            return sample
        angle = draw_uniform(generator, *self.degrees)
        matrix, size = find_rotation((sample.height, sample.width), angle, expand=self.expand)
        return warp_sample(sample, matrix, size)
