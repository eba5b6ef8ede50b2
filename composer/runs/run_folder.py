"""The files of a run folder, and the one that its weights are in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from composer.errors import CheckpointError, TrainingError
from composer.json_documents import read_json_document
from composer.regular_files import open_regular_file
from composer.runs.checkpoint_folders import AVERAGE, MODEL, CheckpointFolders

_LONGEST_HEADER = 2**24
_DESCRIBED = b'"composer.format"'


class RunFolder:
    """The files of a run by name.

        spec.yaml           the model as one document
        experiment.yaml     the experiment with all values
        versions.json       packages, plugins and code
        initial_weights.json  where the initial weights come from
        metrics.jsonl       a line for each record and evaluation
        tensorboard/        the same for TensorBoard
        plots/              curves of losses, learning rate and metrics
        evaluation/         the last evaluation: metrics, detections, plots
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
        self.initial_weights = self.path / "initial_weights.json"
        self.metrics = self.path / "metrics.jsonl"
        self.tensorboard = self.path / "tensorboard"
        self.plots = self.path / "plots"
        self.evaluation = self.path / "evaluation"
        self.checkpoints = self.path / "checkpoints"
        self.best = self.path / "best.safetensors"
        self.model = self.path / "model.safetensors"
        self.summary = self.path / "summary.json"


def check_no_training(run: RunFolder) -> None:
    """Makes sure that a training in a folder would not write over another one.

    Raises:
        TrainingError: the folder has checkpoints.
    """
    if CheckpointFolders(run.checkpoints, keep=1).saved():
        raise TrainingError(
            f"{run.path}: there is a training in this folder already. "
            "Resume it, or name another folder."
        )


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run, finished or not."""
    run = RunFolder(folder)
    return any(path.exists() for path in (run.best, run.model, run.checkpoints, run.experiment))


def describes_run(folder: Path) -> bool:
    """Whether a folder has what a run alone writes: its experiment, or weights with their spec."""
    run = RunFolder(folder)
    return run.experiment.exists() or any(map(_has_spec, (run.best, run.model)))


def _has_spec(file: Path) -> bool:
    """Whether the header of a file of safetensors has a description of the model."""
    try:
        with open_regular_file(file) as opened:
            length = min(int.from_bytes(opened.read(8), "little"), _LONGEST_HEADER)
            return _DESCRIBED in opened.read(length)
    except OSError:
        return False


def find_weights(folder: Path, *, last: bool = False, averaged: bool = True) -> Path:
    """The file of a run's weights: the best, else those it ended with, else the last checkpoint.

    Args:
        folder: the run's folder.
        last: whether to leave out the best.
        averaged: whether averaged weights are wanted where there are any.

    Raises:
        CheckpointError: there are none, or only averaged ones where others are wanted.
    """
    run = RunFolder(folder)
    checkpoints = [*reversed(CheckpointFolders(run.checkpoints, keep=1).saved().values())]
    candidates = [run.model] if last else [run.best, run.model]
    for checkpoint in checkpoints:
        candidates += [checkpoint / AVERAGE, checkpoint / MODEL]
    found = [file for file in candidates if file.is_file()]
    if not found:
        raise CheckpointError(f"{folder}: no run, or one that has not saved any weights yet")
    if averaged or not _is_averaged(run, checkpoints):
        return found[0]
    for checkpoint in checkpoints:
        if (checkpoint / MODEL).is_file():
            return checkpoint / MODEL
    raise CheckpointError(f"{folder}: the run has no weights left but averaged ones")


def _is_averaged(run: RunFolder, checkpoints: Sequence[Path]) -> bool:
    """Whether the weights that a run left behind are averaged, or may be."""
    if checkpoints:
        return (checkpoints[0] / AVERAGE).is_file()
    try:
        return bool(read_json_document(run.summary)["is_averaged"])
    except (OSError, ValueError, KeyError, TypeError):  # an older run does not tell
        return True
