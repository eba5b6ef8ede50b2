"""Training: a loop around a graph that can be interrupted and resumed.

It depends on batches and losses only; reading images and computing metrics are passed in.
"""

from composer.runs import CheckpointFolders, RunFolder, find_weights
from composer.training.batches import Batch, Batches
from composer.training.losses import TOTAL_LOSS
from composer.training.model_export import export_model, open_for_export
from composer.training.parameter_groups import group_parameters, trainable_parameters
from composer.training.process_group import ProcessGroup, process_group
from composer.training.progress import format_time
from composer.training.settings import TrainingSettings
from composer.training.summary import Summary
from composer.training.trainer import Trainer
from composer.training.validation import VALIDATION_LOSSES, Validation

__all__ = [
    "TOTAL_LOSS",
    "VALIDATION_LOSSES",
    "Batch",
    "Batches",
    "CheckpointFolders",
    "ProcessGroup",
    "RunFolder",
    "Summary",
    "Trainer",
    "TrainingSettings",
    "Validation",
    "export_model",
    "find_weights",
    "format_time",
    "group_parameters",
    "open_for_export",
    "process_group",
    "trainable_parameters",
]
