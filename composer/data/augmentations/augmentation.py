"""What every augmentation is."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch

from composer.data.samples import Sample


class Augmentation(Protocol):
    """Something that changes a sample by chance."""

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the sample as it becomes; what it was given is left alone.

        Args:
            sample: an image and what is known about it.
            generator: where all that is left to chance is drawn from. Equal generators give
                equal samples.
        """
        ...


@runtime_checkable
class Mixture(Protocol):
    """Something that brings parts of another image into a sample by chance."""

    def mix(
        self, sample: Sample, generator: torch.Generator, draw_partner: Callable[[], Sample]
    ) -> Sample:
        """Returns the sample as it becomes; what it was given is left alone.

        Args:
            sample: an image and what is known about it.
            generator: where all that is left to chance is drawn from.
            draw_partner: gives a sample of another image of the dataset, drawn by chance, to
                which the augmentations that stand before this one were applied.
        """
        ...
