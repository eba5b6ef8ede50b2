"""In which order the records of a dataset are seen. Everything follows from a seed and a size."""

from composer.data.samplers.batching import Ticket, group_by_shape, make_batches
from composer.data.samplers.inference import InferenceSampler
from composer.data.samplers.training import Sampler, TrainingSampler

__all__ = [
    "InferenceSampler",
    "Sampler",
    "Ticket",
    "TrainingSampler",
    "group_by_shape",
    "make_batches",
]
