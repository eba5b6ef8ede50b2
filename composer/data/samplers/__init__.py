"""Samplers: the order of the records of a dataset, which follows from a seed and a size."""

from composer.data.samplers.batching import Ticket, group_by_shape, make_batches
from composer.data.samplers.inference import InferenceSampler
from composer.data.samplers.repeat_factor import RepeatFactorSampler, find_repeat_factors
from composer.data.samplers.settings import SamplerSettings
from composer.data.samplers.training import Sampler, TrainingSampler
from composer.data.samplers.weighted import WeightedSampler

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
]
