"""Sampler settings of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from composer.data.dataset import Dataset
from composer.data.samplers.training import (
    RepeatFactorSampler,
    Sampler,
    TrainingSampler,
    WeightedSampler,
    find_repeat_factors,
)
from composer.documents import DocumentPart
from composer.errors import InputError
from composer.names import describe_unresolved


class SamplerSettings(DocumentPart):
    """The order of the training images."""

    uses: Literal["shuffled", "in_order", "repeat_factor", "weighted"] = Field(
        "shuffled",
        description="`shuffled` and `in_order`: every image once an epoch; `repeat_factor`: "
        "images of rare classes are repeated; `weighted`: datasets are mixed.",
    )
    threshold: float | None = Field(
        None,
        gt=0,
        le=1,
        description="`repeat_factor`: share of images below which a class is rare.",
    )
    weights: Mapping[str, Annotated[float, Field(ge=0)]] | None = Field(
        None, description="`weighted`: sampling weight of each dataset."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for key, owner in (("threshold", "repeat_factor"), ("weights", "weighted")):
            if (getattr(self, key) is not None) != (self.uses == owner):
                verb = "needs" if self.uses == owner else "has no"
                raise ValueError(f"the sampler '{self.uses}' {verb} '{key}'")
        return self

    def make(self, datasets: Sequence[Dataset], seed: int) -> Sampler:
        """Makes the sampler of datasets that are joined in this order.

        Raises:
            InputError: there are no images, or a weight is of no dataset.
        """
        size = sum(map(len, datasets))
        if self.uses == "weighted":
            return WeightedSampler(list(map(len, datasets)), self._weights(datasets), seed=seed)
        if self.uses == "repeat_factor":
            records = [record for dataset in datasets for record in dataset]
            factors = find_repeat_factors(records, self.threshold or 0.0)
            return RepeatFactorSampler(factors, seed=seed)
        return TrainingSampler(size, seed=seed, shuffle=self.uses == "shuffled")

    def _weights(self, datasets: Sequence[Dataset]) -> list[float]:
        weights = self.weights or {}
        names = [dataset.name for dataset in datasets]
        for name in weights:
            if name not in names:
                message, hint = describe_unresolved(name, [], names, "dataset", use="here")
                raise InputError(f"'weights': {message}. {hint}")
        return [weights.get(name, 1.0) for name in names]
