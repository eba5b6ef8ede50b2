"""An experiment where a model is named: what its training begins with."""

from __future__ import annotations

from composer.experiment.experiment import load_experiment
from composer.experiment.model_settings import find_model_parts
from composer.graph import ModelParts


def read_as_model(file: str) -> ModelParts:
    """The spec of an experiment with its settings and initial weights; no dataset is opened.

    Nothing that was trained belongs to it, whatever runs there are, and nothing is derived from
    its datasets. Without initial weights, they are those of the model that its `spec` names.

    Args:
        file: the experiment.

    Raises:
        SpecError: with all problems of the experiment.
        CheckpointError: its `spec` is a checkpoint that cannot be read.
    """
    experiment = load_experiment(file)
    named = find_model_parts(experiment.spec)
    note = (
        f"'{file}' is an experiment: this is its spec, '{experiment.spec}', with its settings and "
        "initial weights; what it trained is named by the folder of the run"
    )
    weights = named.weights if experiment.weights is None else experiment.weights
    settings = experiment.model_settings
    return ModelParts(named.spec, weights, settings, experiment.load_options, note)
