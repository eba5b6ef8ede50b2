"""Samplers: reproducible orders of the records of a dataset, and batches of them."""

from composer.data.samplers.batching import (
    InferenceSampler,
    Ticket,
    group_by_shape,
    make_batches,
    repeat_batches,
)
from composer.data.samplers.settings import SamplerSettings
from composer.data.samplers.training import (
    RepeatFactorSampler,
    Sampler,
    TrainingSampler,
    WeightedSampler,
    find_repeat_factors,
)

__all__ = [
    "InferenceSampler",
    "RepeatFactorSampler",
    "Sampler",
    "SamplerSettings",
    "Ticket",
    "TrainingSampler",
    "WeightedSampler",
    "find_repeat_factors",
    "group_by_shape",
    "make_batches",
    "repeat_batches",
]
