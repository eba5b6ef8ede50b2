"""Random resizing."""

from typing import Literal

import torch

from composer.data.augmentations.chance import draw_choice, draw_integer
from composer.data.resizing import choose_size
from composer.data.samples import Sample
from composer.data.transforms import resize_sample
from composer.ranges import NonNegativeInt, PositiveInt


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
        shortest_edge: PositiveInt | list[PositiveInt] = 800,
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
