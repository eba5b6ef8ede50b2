"""The folder of a run: where everything that a training leaves behind has its place."""

from __future__ import annotations

import json
import math
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class RunFolder:
    """The files of a run by name.

        spec.yaml           the model as one document
        experiment.yaml     the experiment as it was resolved
        versions.json       what the run was made with
        metrics.jsonl       a line for each record and evaluation
        tensorboard/        the same for TensorBoard
        checkpoints/        a folder for each iteration that was saved
        best.safetensors    the best weights, if a metric says which those are
        model.safetensors   the last weights
        summary.json        how it ended

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


def write_text(file: Path, text: str) -> None:
    """Writes a file so that it is never seen half written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(file: Path, value: Mapping[str, Any]) -> None:
    """Writes a file of one JSON document; see `write_text` and `without_infinities`."""
    write_text(file, json.dumps(without_infinities(value), indent=2, allow_nan=False) + "\n")


def without_infinities(value: Any) -> Any:
    """A value with None for each number that JSON does not know: infinities and what is none."""
    if isinstance(value, Mapping):
        return {key: without_infinities(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_infinities(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
