"""Results of an evaluation: metrics, tables and JSON."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from composer.errors import InputError
from composer.escapes import escape_name
from composer.files import without_infinities, write_json
from composer.json_documents import read_json_document

FORMAT_VERSION = 1
_GAP = "  "  # between columns


@dataclass(frozen=True)
class TaskResults:
    """Metrics of one task.

    A metric is a fraction from 0 to 1, or NaN where it is undefined: the precision for large
    objects where there are none, for instance.

    Args:
        metrics: the metrics by name, such as `AP50`.
        per_class: the metrics of each class, by its name.
    """

    metrics: Mapping[str, float]
    per_class: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """Metrics of all tasks.

    Args:
        tasks: by the task's name, such as `bbox`.
        num_images: number of evaluated images.
    """

    tasks: Mapping[str, TaskResults]
    num_images: int

    def flat(self) -> dict[str, float]:
        """All metrics but those of classes, by task and name: `{"bbox/AP": 0.513, ...}`."""
        return {
            f"{task}/{name}": value
            for task, found in self.tasks.items()
            for name, value in found.metrics.items()
        }

    def to_json(self) -> dict[str, Any]:
        """The results as a value that `json.dumps` takes; null stands for NaN."""
        tasks = {
            task: {"metrics": dict(found.metrics), "per_class": dict(found.per_class)}
            for task, found in self.tasks.items()
        }
        return {
            "composer_results": FORMAT_VERSION,
            "num_images": self.num_images,
            "tasks": without_infinities(tasks),
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the results as JSON, making the folder if need be."""
        write_json(path, self.to_json(), indent=2)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Results:
        """Reads a file of `save`.

        Raises:
            InputError: the file cannot be read, holds something else, or is of a later version.
        """
        try:
            document = read_json_document(path)
            _check_version(document["composer_results"], path)
            tasks = {
                task: TaskResults(
                    _from_json(found["metrics"]),
                    {name: _from_json(metrics) for name, metrics in found["per_class"].items()},
                )
                for task, found in document["tasks"].items()
            }
            return cls(tasks, int(document["num_images"]))
        except OSError as error:
            raise InputError(f"{path}: the results cannot be read: {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise InputError(f"{path}: these are not the results of an evaluation") from error

    @staticmethod
    def join(parts: Iterable[Results]) -> Results:
        """Joins results of different tasks on the same images.

        Raises:
            InputError: two of them have results of one task.
        """
        tasks: dict[str, TaskResults] = {}
        num_images = 0
        for part in parts:
            if twice := tasks.keys() & part.tasks.keys():
                raise InputError(f"two evaluators have results of the task '{min(twice)}'")
            tasks.update(part.tasks)
            num_images = max(num_images, part.num_images)
        return Results(tasks, num_images)

    def __str__(self) -> str:
        """A table of the metrics; tasks with the same ones share it."""
        groups: dict[tuple[str, ...], dict[str, Mapping[str, float]]] = {}
        for task, found in self.tasks.items():
            groups.setdefault(tuple(found.metrics), {})[task] = found.metrics
        return "\n\n".join(format_table("task", rows) for rows in groups.values())

    def class_table(self, task: str) -> str:
        """A table with a row for each class.

        Raises:
            InputError: there are no results of that task.
        """
        if task not in self.tasks:
            raise InputError(f"no results of '{task}'; there are {', '.join(self.tasks) or 'none'}")
        return format_table("class", self.tasks[task].per_class)


def _check_version(version: object, path: str | os.PathLike[str]) -> None:
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path}: these results have version {version!r}; the installed composer reads "
            f"version {FORMAT_VERSION}"
        )


def _from_json(metrics: Mapping[str, float | None]) -> dict[str, float]:
    for name, value in metrics.items():
        if not (value is None or isinstance(value, (int, float))):
            raise TypeError(f"the metric {name!r:.80} is no number")
    return {name: math.nan if value is None else value for name, value in metrics.items()}


def format_table(corner: str, rows: Mapping[str, Mapping[str, float]]) -> str:
    """Formats rows of metrics below a header; NaN is written as `nan`.

    Args:
        corner: header of the first column.
        rows: metrics by name, by row. A row may lack some of them.
    """
    names = list(dict.fromkeys(name for metrics in rows.values() for name in metrics))
    cells = [[corner, *names]]
    for row, metrics in rows.items():
        cells.append([escape_name(row), *(_format(metrics.get(name, math.nan)) for name in names)])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        _GAP.join(
            [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]
        ).rstrip()
        for first, *rest in cells
    )


def _format(value: float) -> str:
    """Counts as they are, fractions with three places."""
    return str(value) if isinstance(value, int) else f"{value:.3f}"
