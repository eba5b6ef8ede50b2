"""Augmentations that look at a random window of an image."""

import torch
from jaxtyping import Float
from torch import Tensor

from composer.data.augmentations.chance import (
    check_order,
    draw_choice,
    draw_integer,
    draw_uniform,
    happens,
)
from composer.data.samples import Sample
from composer.data.transforms import crop_sample, find_extent, warp_sample
from composer.ranges import Fraction, NonNegative, Positive, PositiveInt, Share
from composer.structures import Boxes, pairwise_iou


class RandomExtent:
    """Crops a window of a random scale and place, which may reach over the borders.

    The window keeps its size in pixels: the new image is as large as the window.

    Args:
        scales: the window's sides are the image's times a factor drawn between these.
        shifts: how far the window's centre may be from the image's, in x and y, as a share of the
            image's sides: by up to half of that to either side.
        probability: how often.

    Raises:
        ValueError: the smallest scale is larger than the largest.
    """

    def __init__(
        self,
        *,
        scales: tuple[Positive, Positive] = (0.8, 1.2),
        shifts: tuple[NonNegative, NonNegative] = (0.2, 0.2),
        probability: Fraction = 1.0,
    ) -> None:
        check_order("scales", scales)
        self.scales = scales
        self.shifts = shifts
        self.probability = probability

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns what the window shows."""
        if not happens(generator, self.probability):
            return sample
        scale = draw_uniform(generator, *self.scales)
        width, height = sample.width * scale, sample.height * scale
        x = sample.width * (0.5 + self.shifts[0] * draw_uniform(generator, -0.5, 0.5))
        y = sample.height * (0.5 + self.shifts[1] * draw_uniform(generator, -0.5, 0.5))
        window = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        size = (max(1, round(height)), max(1, round(width)))
        return warp_sample(sample, find_extent(window, size), size)


_WIDEST = 2.0  # longer side over the shorter one
_ROUNDS = 20


class MinIoURandomCrop:
    """Crops a part that overlaps every object by a minimum (Liu et al. 2016, SSD, section 2.2).

    The minimum of intersection over union is drawn from a list, or the image stays whole, or any
    part will do. Parts are at most twice as long as wide, and have the centre of some object.

    Args:
        min_ious: the list.
        min_crop_size: the smallest side of a part, as a share of the image's.
        num_attempts: how many parts are tried for one minimum before another is drawn.
        probability: how often.
    """

    def __init__(
        self,
        *,
        min_ious: tuple[Fraction, ...] = (0.1, 0.3, 0.5, 0.7, 0.9),
        min_crop_size: Share = 0.3,
        num_attempts: PositiveInt = 50,
        probability: Fraction = 1.0,
    ) -> None:
        self.modes = (1.0, *min_ious, 0.0)
        self.min_crop_size = min_crop_size
        self.num_attempts = num_attempts
        self.probability = probability

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the part, or the whole sample where no part was found."""
        if not len(sample) or not happens(generator, self.probability):
            return sample
        for _ in range(_ROUNDS):
            min_iou = draw_choice(generator, self.modes)
            if min_iou == 1.0:
                return sample
            for _ in range(self.num_attempts):
                top, left, height, width = self._draw_part(sample, generator)
                corners = sample.boxes.new_tensor([[left, top, left + width, top + height]])
                if max(height, width) <= _WIDEST * min(height, width) and _is_fit(
                    corners, sample.boxes, min_iou
                ):
                    return crop_sample(sample, top, left, height, width)
        return sample

    def _draw_part(self, sample: Sample, generator: torch.Generator) -> tuple[int, int, int, int]:
        """Top, left, height and width."""
        height, width = (
            max(1, round(draw_uniform(generator, self.min_crop_size * side, side)))
            for side in (sample.height, sample.width)
        )
        top = draw_integer(generator, 0, sample.height - height)
        left = draw_integer(generator, 0, sample.width - width)
        return top, left, height, width


def _is_fit(part: Float[Tensor, "1 4"], boxes: Float[Tensor, "_ 4"], min_iou: float) -> bool:
    """Whether a part overlaps all boxes by a minimum, and has the centre of one."""
    if float(pairwise_iou(Boxes(part), Boxes(boxes)).min()) < min_iou:
        return False
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    return bool(((centers > part[:, :2]) & (centers < part[:, 2:])).all(dim=1).any())
