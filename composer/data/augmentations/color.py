"""Colour augmentations; nothing moves.

Legend: H W the image's height and width.
"""

from dataclasses import replace
from functools import partial
from typing import Annotated

import torch
from jaxtyping import Float, UInt8
from pydantic import Field
from torch import Tensor

from composer.data.augmentations.chance import (
    check_order,
    draw_integer,
    draw_uniform,
    happens,
)
from composer.data.samples import Sample
from composer.ranges import Fraction, NonNegative, Positive

Range = tuple[NonNegative, NonNegative]

# Directions and spread of the colours of ImageNet (Krizhevsky et al. 2012, section 4.1), RGB.
_EIGENVALUES = (0.2175, 0.0188, 0.0045)
_EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


class RandomColor:
    """Changes brightness, contrast, saturation and hue, in a random order.

    Args:
        brightness: pixels are multiplied by a factor; [smallest, largest].
        contrast: distances from the mean grey are multiplied by a factor; [smallest, largest].
        saturation: distances from each pixel's grey are multiplied by a factor; [smallest,
            largest]. 0 is grey.
        hue: how far colours may turn, as a share of the whole circle, up to 0.5. It takes ten
            times as long as the others.
        probability: how often.

    Raises:
        ValueError: a smallest factor is larger than the largest.
    """

    def __init__(
        self,
        *,
        brightness: Range = (1.0, 1.0),
        contrast: Range = (1.0, 1.0),
        saturation: Range = (1.0, 1.0),
        hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0,
        probability: Fraction = 1.0,
    ) -> None:
        from torchvision.transforms.v2 import functional as F  # takes as long to import as torch

        changes = {
            "brightness": (F.adjust_brightness, brightness, 1.0),
            "contrast": (F.adjust_contrast, contrast, 1.0),
            "saturation": (F.adjust_saturation, saturation, 1.0),
            "hue": (F.adjust_hue, (-hue, hue), 0.0),
        }
        for name, (_, limits, _) in changes.items():
            check_order(name, limits)
        self.changes = [
            (change, limits)
            for change, limits, neutral in changes.values()
            if limits != (neutral, neutral)
        ]
        self.probability = probability

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the sample with its colours changed."""
        if not happens(generator, self.probability):
            return sample
        if not self.changes:
            return sample
        image = sample.image / 255  # torchvision rounds bytes down in every step
        waiting = list(self.changes)
        while waiting:
            change, limits = waiting.pop(draw_integer(generator, 0, len(waiting) - 1))
            image = change(image, draw_uniform(generator, *limits))
        return replace(sample, image=_to_bytes(image * 255))


class RandomLighting:
    """Shifts all pixels along the directions in which the colours of images vary.

    Krizhevsky et al. 2012, section 4.1.

    Args:
        scale: standard deviation of the shift along each direction, in units of its spread.
        probability: how often.
    """

    def __init__(self, *, scale: NonNegative = 0.1, probability: Fraction = 1.0) -> None:
        self.scale = scale
        self.probability = probability

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the sample with its colours shifted."""
        if not happens(generator, self.probability):
            return sample
        weights = torch.randn(3, generator=generator) * self.scale * torch.tensor(_EIGENVALUES)
        shift = torch.tensor(_EIGENVECTORS) @ weights * 255
        return replace(sample, image=_to_bytes(sample.image.float() + shift[:, None, None]))


class RandomGrayscale:
    """Converts to grey.

    Args:
        probability: how often.
    """

    def __init__(self, *, probability: Fraction = 0.1) -> None:
        self.probability = probability

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the sample, or the sample in grey."""
        if not happens(generator, self.probability):
            return sample
        from torchvision.transforms.v2 import functional as F  # takes as long to import as torch

        grey = F.rgb_to_grayscale(sample.image.float(), num_output_channels=3)
        return replace(sample, image=_to_bytes(grey))


class RandomBlur:
    """Blurs with a Gaussian.

    Args:
        sigma: the smallest and the largest standard deviation in pixels.
        probability: how often.

    Raises:
        ValueError: the smallest is larger than the largest.
    """

    def __init__(
        self,
        *,
        sigma: tuple[Positive, Positive] = (0.1, 2.0),
        probability: Fraction = 0.5,
    ) -> None:
        check_order("sigma", sigma)
        self.sigma = sigma
        self.probability = probability

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the sample, sharp or blurred."""
        if not happens(generator, self.probability):
            return sample
        sigma = draw_uniform(generator, *self.sigma)
        side = 2 * max(1, round(3 * sigma)) + 1
        if side // 2 >= min(sample.height, sample.width):
            return sample
        from torchvision.transforms.v2 import functional as F  # takes as long to import as torch

        blur = partial(F.gaussian_blur, kernel_size=[side, side], sigma=[sigma, sigma])
        return replace(sample, image=blur(sample.image))


def _to_bytes(image: Float[Tensor, "3 H W"]) -> UInt8[Tensor, "3 H W"]:
    """Pixels from 0 to 255, rounded to the nearest."""
    return image.round().clamp(0, 255).to(torch.uint8)
