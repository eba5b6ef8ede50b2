"""Copy-paste augmentation: objects of another image are pasted into an image."""

from collections.abc import Callable
from typing import Annotated

import torch
from pydantic import Field

from composer.data.augmentations.chance import (
    check_order,
    draw_integer,
    draw_uniform,
    happens,
)
from composer.data.samples import Sample
from composer.data.transforms import crop_sample, paste_object, resize_sample, with_bit_masks
from composer.ranges import Fraction, Positive, PositiveInt

_SMALLEST_SIDE = 4  # pixels; smaller objects are no training signal


class CopyPaste:
    """Pastes objects of another image at random places, by their masks (Ghiasi et al. 2021).

    Objects need masks, which become pixels; those whose masks are not known are not taken. An
    object that is pasted may reach over the image's borders by up to a half; what it hides is no
    longer part of the masks behind it.

    Args:
        probability: how often an image gets objects of another.
        object_probability: how likely each object of the other image is taken.
        max_objects: how many are taken at most.
        scales: objects are resized by a factor drawn between these.
        min_visible: objects of which less than this share is left to be seen are dropped.

    Raises:
        ValueError: the smallest scale is larger than the largest.
    """

    def __init__(
        self,
        *,
        probability: Fraction = 0.5,
        object_probability: Fraction = 0.5,
        max_objects: PositiveInt = 5,
        scales: tuple[Positive, Positive] = (0.5, 1.25),
        min_visible: Annotated[float, Field(ge=0, lt=1)] = 0.2,
    ) -> None:
        check_order("scales", scales)
        self.probability = probability
        self.object_probability = object_probability
        self.max_objects = max_objects
        self.scales = scales
        self.min_visible = min_visible

    def mix(
        self, sample: Sample, generator: torch.Generator, draw_partner: Callable[[], Sample]
    ) -> Sample:
        """Returns the sample, or one with objects of another image in it."""
        if not sample.has_masks or not happens(generator, self.probability):
            return sample
        partner = draw_partner()
        if not partner.has_masks:
            return sample
        partner = partner.select(partner.visible() & partner.has_mask)
        taken = [i for i in range(len(partner)) if happens(generator, self.object_probability)]
        sample = with_bit_masks(sample)
        for index in taken[: self.max_objects]:
            part = self._cut_out(partner, index, generator)
            if part is not None:
                sample = self._place(sample, part, generator)
        return sample

    def _cut_out(self, partner: Sample, index: int, generator: torch.Generator) -> Sample | None:
        """One object as an image of its own size, rescaled; None if hardly anything is left."""
        alone = partner.select(torch.arange(len(partner)) == index)
        left, top = alone.boxes[0, :2].floor().long().clamp(min=0).tolist()
        right, bottom = alone.boxes[0, 2:].ceil().long().tolist()
        right, bottom = min(right, partner.width), min(bottom, partner.height)
        scale = draw_uniform(generator, *self.scales)
        size = (round((bottom - top) * scale), round((right - left) * scale))
        if min(size) < _SMALLEST_SIDE:
            return None
        part = crop_sample(alone, top, left, bottom - top, right - left)
        part = with_bit_masks(resize_sample(part, size))
        return part if part.visible().all() else None

    def _place(self, sample: Sample, part: Sample, generator: torch.Generator) -> Sample:
        """The sample with the object at a random place, at least half of each side inside."""
        top = _draw_start(generator, part.height, sample.height)
        left = _draw_start(generator, part.width, sample.width)
        return paste_object(sample, part, top, left, self.min_visible)


def _draw_start(generator: torch.Generator, length: int, available: int) -> int:
    """Where a side may begin of which at least half is inside, as far as that is possible."""
    return draw_integer(generator, -(length // 2), available - (length + 1) // 2)
