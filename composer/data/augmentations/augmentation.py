"""The interface of augmentations."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch

from composer.data.samples import Sample


class Augmentation(Protocol):
    """A random change of a sample."""

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the changed sample; the given one stays as it is.

        Args:
            sample: an image and what is known about it.
            generator: where all that is left to chance is drawn from. Equal generators give
                equal samples.
        """
        ...


@runtime_checkable
class Mixture(Protocol):
    """A random mixture of a sample with parts of another image."""

    def mix(
        self, sample: Sample, generator: torch.Generator, draw_partner: Callable[[], Sample]
    ) -> Sample:
        """Returns the changed sample; the given one stays as it is.

        Args:
            sample: an image and what is known about it.
            generator: where all that is left to chance is drawn from.
            draw_partner: gives a sample of another image of the dataset, drawn by chance, to
                which the augmentations that stand before this one were applied.
        """
        ...
