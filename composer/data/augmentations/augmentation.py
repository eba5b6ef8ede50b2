"""What every augmentation is."""

from typing import Protocol

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
