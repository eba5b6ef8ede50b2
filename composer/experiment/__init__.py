"""Experiments: a YAML document that says what is learnt from what and how, and what runs it."""

from composer.experiment.data_source import find_datasets, is_experiment
from composer.experiment.experiment import Experiment, load_experiment
from composer.experiment.running import check_experiment, run_experiment
from composer.experiment.standard import standard_experiment

__all__ = [
    "Experiment",
    "check_experiment",
    "find_datasets",
    "is_experiment",
    "load_experiment",
    "run_experiment",
    "standard_experiment",
]
