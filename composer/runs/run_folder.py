"""The files of a run folder."""

from __future__ import annotations

import os
from pathlib import Path


class RunFolder:
    """The files of a run by name.

        spec.yaml           the model as one document
        experiment.yaml     the experiment with all values
        versions.json       packages, plugins and code
        metrics.jsonl       a line for each record and evaluation
        tensorboard/        the same for TensorBoard
        checkpoints/        a folder for each iteration that was saved
        best.safetensors    the best weights, if a metric says which those are
        model.safetensors   the last weights
        summary.json        status, metrics, best value

    Args:
        path: the folder; it is made when something is written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.spec = self.path / "spec.yaml"
        self.experiment = self.path / "experiment.yaml"
        self.versions = self.path / "versions.json"
        self.metrics = self.path / "metrics.jsonl"
        self.tensorboard = self.path / "tensorboard"
        self.checkpoints = self.path / "checkpoints"
        self.best = self.path / "best.safetensors"
        self.model = self.path / "model.safetensors"
        self.summary = self.path / "summary.json"
