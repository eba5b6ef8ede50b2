"""Applies other augmentations now and then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias, cast

import torch
from pydantic import Field

from composer.data.augmentations.augmentation import (
    Augmentation,
    AugmentationCall,
    Mixture,
    can_mirror,
)
from composer.data.augmentations.chance import happens
from composer.data.samples import Sample
from composer.ranges import Fraction

if TYPE_CHECKING:
    AnyAugmentation: TypeAlias = AugmentationCall | Augmentation
else:
    AnyAugmentation = AugmentationCall  # what documents have


class RandomApply:
    """Applies augmentations, all of them or none.

    Args:
        augmentations: what is applied, in order; `{uses: ..., with: ...}` in documents.
        probability: how often.

    Raises:
        ValueError: one of them takes from other images, as `copy_paste` does, which has a
            probability of its own.
    """

    def __init__(
        self,
        *,
        augmentations: Annotated[Sequence[AnyAugmentation], Field(min_length=1)],
        probability: Fraction = 0.5,
    ) -> None:
        made = [
            one.augmentation if isinstance(one, AugmentationCall) else one for one in augmentations
        ]
        for one in made:
            if isinstance(one, Mixture):
                raise ValueError(
                    f"{type(one).__name__} takes from other images; give it a probability itself"
                )
        self.augmentations = cast("list[Augmentation]", made)
        self.probability = probability
        self.mirrors = probability > 0 and can_mirror(self.augmentations)

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the sample as it is, or after all augmentations."""
        if not happens(generator, self.probability):
            return sample
        for augmentation in self.augmentations:
            sample = augmentation(sample, generator)
        return sample
