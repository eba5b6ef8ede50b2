"""Experiments: model, datasets and training settings in one YAML file, and their runs."""

from typing import TYPE_CHECKING

from composer.lazy_face import lazy_face

if TYPE_CHECKING:
    from composer.experiment.data_source import find_datasets, is_experiment
    from composer.experiment.experiment import Experiment, load_experiment
    from composer.experiment.experiment_model import read_as_model
    from composer.experiment.experiment_run import check_experiment, run_experiment
    from composer.experiment.model_settings import SettableModel
    from composer.experiment.standard import standard_experiment

__all__ = [
    "Experiment",
    "SettableModel",
    "check_experiment",
    "find_datasets",
    "is_experiment",
    "load_experiment",
    "read_as_model",
    "run_experiment",
    "standard_experiment",
]

__getattr__, __dir__ = lazy_face(__name__)
