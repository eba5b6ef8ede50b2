"""Geometric augmentations: random flips, rotations and crops."""

from typing import Literal, TypeAlias

import torch

from composer.data.augmentations.chance import (
    check_order,
    draw_choice,
    draw_integer,
    draw_uniform,
    happens,
)
from composer.data.samples import Sample
from composer.data.transforms import (
    crop_sample,
    find_rotation,
    flip_horizontally,
    flip_vertically,
    warp_sample,
)
from composer.ranges import Fraction, Positive, Share


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
        self.mirrors = probability > 0
        self.flip = flip_horizontally if direction == "horizontal" else flip_vertically

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the sample or its mirror image."""
        return self.flip(sample) if happens(generator, self.probability) else sample


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


Size: TypeAlias = tuple[int, int]  # (height, width)

_ATTEMPTS = 10


class RandomCrop:
    """Crops a random part.

    Args:
        size: of the part, as [height, width]; what the numbers mean is said by `sizing`.
        sizing: `relative`: shares of the image. `relative_range`: the smallest shares, each side's
            is drawn between that and 1. `absolute`: pixels, as far as the image has them.
            `absolute_range`: each side is drawn between the first and the second number of pixels.
        around_object: whether the part has the centre of some object in it, if there is one.
        max_class_share: the most of the part's pixels that may have one semantic class, as a share
            of those that have any; a few places are tried, the last is taken. It keeps parts
            from being nothing but sky (Chen et al. 2017, DeepLab).
        probability: how often.

    Raises:
        ValueError: the numbers do not fit what `sizing` says of them.
    """

    def __init__(
        self,
        *,
        size: tuple[Positive, Positive],
        sizing: Literal[
            "relative", "relative_range", "absolute", "absolute_range"
        ] = "relative_range",
        around_object: bool = False,
        max_class_share: Share = 1.0,
        probability: Fraction = 1.0,
    ) -> None:
        if sizing.startswith("relative") and max(size) > 1:
            raise ValueError(f"'sizing: {sizing}' takes shares of at most 1, not {list(size)}")
        if sizing.startswith("absolute") and any(side != int(side) for side in size):
            raise ValueError(f"'sizing: {sizing}' takes whole pixels, not {list(size)}")
        if sizing == "absolute_range" and size[0] > size[1]:
            raise ValueError(f"'sizing: {sizing}' takes [smallest, largest], not {list(size)}")
        self.size = size
        self.sizing = sizing
        self.around_object = around_object
        self.max_class_share = max_class_share
        self.probability = probability

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the part."""
        if not happens(generator, self.probability):
            return sample
        height, width = self._draw_size(sample, generator)
        for _ in range(_ATTEMPTS):
            top, left = self._draw_place(sample, height, width, generator)
            if self._is_mixed(sample, top, left, height, width):
                break
        return crop_sample(sample, top, left, height, width)

    def _draw_size(self, sample: Sample, generator: torch.Generator) -> Size:
        sides = (sample.height, sample.width)
        first, second = self.size
        if self.sizing == "absolute":
            return min(int(first), sides[0]), min(int(second), sides[1])
        if self.sizing == "absolute_range":
            height, width = (
                draw_integer(generator, min(side, int(first)), min(side, int(second)))
                for side in sides
            )
            return height, width
        shares = self.size
        if self.sizing == "relative_range":
            shares = (draw_uniform(generator, first, 1.0), draw_uniform(generator, second, 1.0))
        height, width = (
            max(1, int(side * share + 0.5)) for side, share in zip(sides, shares, strict=True)
        )
        return height, width

    def _draw_place(
        self, sample: Sample, height: int, width: int, generator: torch.Generator
    ) -> tuple[int, int]:
        """The first row and column of the part."""
        lowest, highest = (0, 0), (sample.height - height, sample.width - width)
        if self.around_object and len(sample):
            x1, y1, x2, y2 = draw_choice(generator, sample.boxes.tolist())
            column, row = int((x1 + x2) / 2), int((y1 + y2) / 2)
            lowest = (max(0, row - height + 1), max(0, column - width + 1))
            highest = (min(highest[0], row), min(highest[1], column))
            lowest = (min(lowest[0], highest[0]), min(lowest[1], highest[1]))
        return (
            draw_integer(generator, lowest[0], highest[0]),
            draw_integer(generator, lowest[1], highest[1]),
        )

    def _is_mixed(self, sample: Sample, top: int, left: int, height: int, width: int) -> bool:
        """Whether no class takes too much of a part."""
        if self.max_class_share == 1.0 or sample.sem_seg is None:
            return True
        labels = sample.sem_seg[top : top + height, left : left + width]
        known = labels[labels != sample.ignore_label]
        if len(known) == 0:
            return False
        return torch.bincount(known).max().item() < self.max_class_share * len(known)
