"""Training: a loop around a graph that can be interrupted and resumed at any moment.

It knows batches and losses; where images come from and how models are measured is none of its
business.
"""

from composer.runs import CheckpointFolders, RunFolder, find_weights
from composer.training.batches import Batch, Batches
from composer.training.exporting import export_model
from composer.training.losses import TOTAL_LOSS
from composer.training.parameter_groups import trainable_parameters
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
    "process_group",
    "trainable_parameters",
]
