"""Transforms of torchvision that change nothing but pixels."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import torch
from torchvision.transforms import v2

from composer.data.augmentations.chance import Probability, draw_integer, happens
from composer.data.samples import Sample

PhotometricTransform = Literal[
    "ColorJitter",
    "GaussianBlur",
    "Grayscale",
    "JPEG",
    "RandomAdjustSharpness",
    "RandomAutocontrast",
    "RandomChannelPermutation",
    "RandomEqualize",
    "RandomGrayscale",
    "RandomInvert",
    "RandomPhotometricDistort",
    "RandomPosterize",
    "RandomSolarize",
]

_LARGEST_SEED = 2**63 - 1


class TorchvisionTransform:
    """Applies a transform of `torchvision.transforms.v2` to the image.

    Transforms draw from torch's global generator; it is seeded for them, and put back.

    Args:
        transform: name of the transform.
        arguments: what its class takes.
        probability: how often; many transforms have a probability `p` of their own besides.

    Raises:
        ValueError: the arguments do not fit the transform, or it does not give an image of three
            channels of 8 bits.
    """

    def __init__(
        self,
        *,
        transform: PhotometricTransform,
        arguments: Mapping[str, Any] | None = None,
        probability: Probability = 1.0,
    ) -> None:
        try:
            self.transform = getattr(v2, transform)(**(arguments or {}))
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"torchvision's {transform}: {error}") from error
        self.probability = probability
        trial = self._apply(torch.zeros(3, 16, 16, dtype=torch.uint8), 0)
        if trial.shape != (3, 16, 16) or trial.dtype != torch.uint8:
            shape = "x".join(map(str, trial.shape))
            raise ValueError(
                f"torchvision's {transform} makes {shape} {trial.dtype} of 3x16x16 torch.uint8; "
                "three channels of 8 bits are wanted"
            )

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the sample with its pixels changed."""
        if not happens(generator, self.probability):
            return sample
        seed = draw_integer(generator, 0, _LARGEST_SEED - 1)
        return replace(sample, image=self._apply(sample.image, seed))

    def _apply(self, image: torch.Tensor, seed: int) -> torch.Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            changed: torch.Tensor = self.transform(image)
        return changed
