"""Scale augmentations: resizing, large-scale jitter, zooming out."""

from typing import Literal

import torch

from composer.data.augmentations.chance import (
    check_order,
    draw_choice,
    draw_integer,
    draw_uniform,
    happens,
)
from composer.data.image_size import choose_size
from composer.data.samples import Sample
from composer.data.transforms import crop_sample, pad_sample, resize_sample
from composer.ranges import Fraction, NonNegativeInt, PixelSide, Positive


class ResizeShortestEdge:
    """Resizes the shorter side to a length, and the longer one in proportion.

    Args:
        shortest_edge: the length in pixels, or several of which one is drawn.
        longest_edge: limit of the longer side, in pixels, for which the shorter gives way; 0 for
            no limit.
        sampling: `choice` draws one of the lengths, `range` a whole number from the first to the
            second of two.
        exact: whether pixels are resampled by Pillow, as detectron2 does; it is several times
            slower, and makes a difference of 1 in 255 at a pixel in a thousand.

    Raises:
        ValueError: there is no length, or `range` has not two of them, the smaller one first.
    """

    def __init__(
        self,
        *,
        shortest_edge: PixelSide | list[PixelSide] = 800,
        longest_edge: NonNegativeInt = 1333,
        sampling: Literal["choice", "range"] = "choice",
        exact: bool = False,
    ) -> None:
        lengths = [shortest_edge] if isinstance(shortest_edge, int) else list(shortest_edge)
        if not lengths:
            raise ValueError("'shortest_edge' is an empty list")
        if sampling == "range" and (len(lengths) != 2 or lengths[0] > lengths[1]):
            raise ValueError(
                f"with 'sampling: range', 'shortest_edge' is [smallest, largest], not {lengths}"
            )
        self.lengths = lengths
        self.longest_edge = longest_edge
        self.sampling = sampling
        self.exact = exact

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the resized sample."""
        if self.sampling == "range":
            shortest_edge = draw_integer(generator, self.lengths[0], self.lengths[1])
        else:
            shortest_edge = draw_choice(generator, self.lengths)
        size = choose_size(sample.height, sample.width, shortest_edge, self.longest_edge)
        return resize_sample(sample, size, exact=self.exact)


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
        size: tuple[PixelSide, PixelSide] = (1024, 1024),
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
