"""Batches of prepared images, moved between processes in shared memory."""

from composer.data.loading.batches import Batch, InferenceBatches, TrainingBatches
from composer.data.loading.fetcher import LoadingOptions
from composer.data.loading.shared_memory import RecordStore

__all__ = ["Batch", "InferenceBatches", "LoadingOptions", "RecordStore", "TrainingBatches"]
