"""torchvision's transforms of pixels as augmentations."""

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Any, Literal

import torch

from composer.data.augmentations.chance import draw_integer, happens
from composer.data.samples import Sample
from composer.ranges import Fraction

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
_TRIED = (3, 128, 128)  # blurs take no image that is smaller than half of their kernel


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
        probability: Fraction = 1.0,
    ) -> None:
        from torchvision.transforms import v2  # takes as long to import as torch

        self.probability = probability
        try:
            self.transform = getattr(v2, transform)(**(arguments or {}))
            tried = self._try()
        except Exception as error:  # arguments can break a transform in ways that nobody has listed
            reason = " ".join(str(error).split())
            raise ValueError(f"torchvision's {transform}: {reason}") from error
        if tried.shape != _TRIED or tried.dtype != torch.uint8:
            shape, wanted = ("x".join(map(str, sides)) for sides in (tried.shape, _TRIED))
            raise ValueError(
                f"torchvision's {transform} makes {shape} {tried.dtype} of {wanted} torch.uint8; "
                "it must return three channels of 8 bits"
            )

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the sample with its pixels changed."""
        if not happens(generator, self.probability):
            return sample
        seed = draw_integer(generator, 0, _LARGEST_SEED - 1)
        return replace(sample, image=self._apply(sample.image, seed))

    def _try(self) -> torch.Tensor:
        """The transformed image, whatever the transform's own probability."""
        certain = copy(self.transform)
        if hasattr(certain, "p"):
            certain.p = 1.0
        with torch.random.fork_rng(devices=[]):
            tried: torch.Tensor = certain(torch.zeros(_TRIED, dtype=torch.uint8))
        return tried

    def _apply(self, image: torch.Tensor, seed: int) -> torch.Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            changed: torch.Tensor = self.transform(image)
        return changed
