"""Scale augmentations (large-scale jitter, zooming out)."""

import torch

from composer.data.augmentations.chance import (
    check_order,
    draw_integer,
    draw_uniform,
    happens,
)
from composer.data.samples import Sample
from composer.data.transforms import crop_sample, pad_sample, resize_sample
from composer.ranges import Fraction, Positive, PositiveInt


class LargeScaleJitter:
    """Resizes to a random scale, then crops or pads to one size (Ghiasi et al. 2021).

    A scale of 1 makes the image just fit into the size. What is too large is cut at a random
    place; what is too small is padded below and at the right.

    Args:
        size: (height, width) of the result in pixels.
        scales: the smallest and the largest scale.
        exact: whether pixels are resampled by Pillow; see `resize_shortest_edge`.

    Raises:
        ValueError: the smallest scale is larger than the largest.
    """

    def __init__(
        self,
        *,
        size: tuple[PositiveInt, PositiveInt] = (1024, 1024),
        scales: tuple[Positive, Positive] = (0.1, 2.0),
        exact: bool = False,
    ) -> None:
        check_order("scales", scales)
        self.size = size
        self.scales = scales
        self.exact = exact

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns a sample of the drawn size."""
        height, width = self.size
        scale = draw_uniform(generator, *self.scales)
        factor = min(height * scale / sample.height, width * scale / sample.width)
        wanted = (
            max(1, round(sample.height * factor)),
            max(1, round(sample.width * factor)),
        )
        sample = resize_sample(sample, wanted, exact=self.exact)
        share = draw_uniform(generator, 0.0, 1.0)
        top = round(max(0, sample.height - height) * share)
        left = round(max(0, sample.width - width) * share)
        kept = (min(height, sample.height), min(width, sample.width))
        return pad_sample(crop_sample(sample, top, left, *kept), 0, 0, height, width)


class RandomZoomOut:
    """Sets an image into a larger canvas, so that objects become small (Liu et al. 2016, SSD).

    Args:
        scales: the canvas' sides are the image's times a factor drawn between these.
        probability: how often.

    Raises:
        ValueError: a factor is below 1, or the first is larger than the second.
    """

    def __init__(
        self, *, scales: tuple[Positive, Positive] = (1.0, 4.0), probability: Fraction = 0.5
    ) -> None:
        if not 1 <= scales[0] <= scales[1]:
            raise ValueError(
                f"'scales' is [smallest, largest], both at least 1, not {list(scales)}"
            )
        self.scales = scales
        self.probability = probability

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the sample, or the larger canvas with it at a random place."""
        if not happens(generator, self.probability):
            return sample
        scale = draw_uniform(generator, *self.scales)
        height, width = round(sample.height * scale), round(sample.width * scale)
        top = draw_integer(generator, 0, height - sample.height)
        left = draw_integer(generator, 0, width - sample.width)
        return pad_sample(sample, top, left, height, width)
