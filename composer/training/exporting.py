"""Takes a model out of a run: the file that a run means, and the model as a file of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import torch

from composer.errors import CheckpointError
from composer.graph import Graph
from composer.training.checkpoint_folders import CheckpointFolders
from composer.training.run_folder import RunFolder
from composer.training.saving import AVERAGE, MODEL


def export_model(
    source: str | os.PathLike[str],
    file: str | os.PathLike[str],
    *,
    half: bool = False,
    last: bool = False,
    averaged: bool = True,
) -> Graph:
    """Writes a model as one file that says what it is.

    Args:
        source: the folder of a run, or a checkpoint that describes itself.
        file: the `.safetensors` or `.pth` file.
        half: whether weights are stored in 16 bits.
        last: of a run, whether to take the last weights in place of the best.
        averaged: of a run, whether to take averaged weights where there are any.

    Returns:
        The model.

    Raises:
        CheckpointError: the run has no weights yet, or a file cannot be read or written.
    """
    path = Path(source)
    found = find_weights(path, last=last, averaged=averaged) if path.is_dir() else path
    graph = Graph.from_checkpoint(found)
    graph.save(file, dtype=torch.float16 if half else None)
    return graph


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
        return bool(json.loads(run.summary.read_text(encoding="utf-8"))["is_averaged"])
    except (OSError, ValueError, KeyError):  # an older run does not tell
        return True
