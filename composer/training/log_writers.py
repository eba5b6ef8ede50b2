"""Means of what a training logs, and the files that they go to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from composer.events import EventStorage
from composer.files import (
    errors_named,
    make_subfolder,
    open_without_links,
    without_infinities,
    write_text,
)
from composer.json_documents import parse_json_document

ITERATION, EVALUATION = "iteration", "evaluation"


class Means:
    """Means of scalars since they were last taken.

    Scalars without smoothing, such as the learning rate, keep their last value.
    """

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, int]] = {}

    def add(self, storage: EventStorage) -> None:
        """Adds the scalars of a storage's current iteration."""
        smoothed = storage.smoothing_hints()
        for name, (value, iteration) in storage.latest().items():
            if iteration == storage.iter:
                total, count = self._sums.get(name, (0.0, 0)) if smoothed[name] else (0.0, 0)
                self._sums[name] = (total + value, count + 1)

    def take(self) -> dict[str, float]:
        """Returns the means by name and resets them."""
        means = {name: total / count for name, (total, count) in self._sums.items()}
        self._sums.clear()
        return means

    def as_values(self) -> dict[str, list[float]]:
        """Sums and counts as plain values."""
        return {name: list(entry) for name, entry in self._sums.items()}

    def restore(self, values: Mapping[str, Iterable[float]]) -> None:
        """Restores sums and counts."""
        for name, (total, count) in values.items():
            self._sums[name] = (total, int(count))


class Records(Protocol):
    """Writes records of a training."""

    def write(self, iteration: int, values: Mapping[str, float], kind: str = "") -> None:
        """Writes the values of one iteration; `kind` is "evaluation" for metrics."""

    def close(self) -> None:
        """Called after the last record."""


class JsonLines:
    """Writes records as lines of JSON.

    Args:
        file: the file; lines are added to it.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = open_without_links(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        self._file, self._stream = file, os.fdopen(descriptor, "a", encoding="utf-8")

    def write(self, iteration: int, values: Mapping[str, float], kind: str = "") -> None:
        """Adds a line; infinities and NaN become null."""
        record: dict[str, Any] = {ITERATION: iteration}
        if kind:
            record["kind"] = kind
        line = json.dumps(without_infinities({**record, **values}), allow_nan=False)
        with errors_named(self._file):
            self._stream.write(line + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Flushes all lines to the disk."""
        os.fsync(self._stream.fileno())
        self._stream.close()


def trim_lines(file: Path, iteration: int, evaluated: int) -> None:
    """Drops the lines that a resumed training writes again.

    Args:
        file: a file of `JsonLines`; it need not exist.
        iteration: the iteration to resume from, or 0.
        evaluated: the last iteration whose evaluation is done.
    """
    if not file.exists():
        return
    kept = []
    for line in file.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            record = parse_json_document(line)
            limit = evaluated if record.get("kind") == EVALUATION else iteration
            is_kept = record[ITERATION] <= limit
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # cut off when the process was killed, or damaged
        if is_kept:
            kept.append(line + "\n")
    write_text(file, "".join(kept), follow_links=False)


class TensorBoard:
    """Writes records for TensorBoard.

    Args:
        folder: the folder of its files.
        start: the first iteration; records of later ones are hidden.

    Raises:
        ImportError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path, start: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        make_subfolder(folder.parent, folder.name)
        self._writer = SummaryWriter(str(folder), purge_step=start + 1)

    def write(self, iteration: int, values: Mapping[str, float], kind: str = "") -> None:
        """Adds a point to the curve of each value."""
        prefix = f"{kind}/" if kind else ""
        for name, value in values.items():
            self._writer.add_scalar(f"{prefix}{name}", value, iteration)
        self._writer.flush()

    def close(self) -> None:
        """Closes the writer."""
        self._writer.close()
