"""Logs of a training, on the terminal and in the run folder."""

from __future__ import annotations

from collections.abc import Mapping

from composer.events import EventStorage
from composer.runs import RunFolder
from composer.training.log_writers import EVALUATION, JsonLines, Means, Records, TensorBoard
from composer.training.process_group import ProcessGroup
from composer.training.progress import (
    DATA_SHARE,
    MEMORY,
    SECONDS,
    Progress,
    memory_in_use,
)

TIME, DATA_TIME = "time", "data_time"  # detectron2's names


class Journal:
    """Logs the metrics of a training.

    Args:
        folder: the run folder.
        means: means since the last record.
        processes: the processes, over which means are taken; rank 0 writes and logs.
        progress: the terminal.
        start: the first iteration.
    """

    def __init__(
        self,
        folder: RunFolder,
        means: Means,
        processes: ProcessGroup,
        progress: Progress,
        start: int,
    ) -> None:
        self._means, self._processes, self._progress = means, processes, progress
        self._records = self._open(folder, start) if processes.is_first else []

    def _open(self, folder: RunFolder, start: int) -> list[Records]:
        records: list[Records] = [JsonLines(folder.metrics)]
        try:
            records.append(TensorBoard(folder.tensorboard, start))
        except ImportError:
            self.print(
                "no records for TensorBoard: it is not installed "
                "(pip install 'detection-composer[tensorboard]')"
            )
        return records

    def note(self, storage: EventStorage) -> None:
        """Adds the records of an iteration."""
        self._means.add(storage)
        self._progress.advance()

    def record(self, iteration: int) -> dict[str, float]:
        """Writes and returns the means since the last record.

        Args:
            iteration: number of iterations done.
        """
        values = self._processes.mean(self._means.take())
        values[SECONDS] = values.pop(TIME)
        values[DATA_SHARE] = values.pop(DATA_TIME) / max(values[SECONDS], 1e-9)
        values[MEMORY] = memory_in_use(self._processes.device)
        for records in self._records:
            records.write(iteration, values)
        self._progress.record(iteration, values)
        return values

    def record_evaluation(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Writes the metrics of an evaluation."""
        for records in self._records:
            records.write(iteration, metrics, EVALUATION)
        self.print(f"evaluation after iteration {iteration}")
        for group, members in _by_group(metrics).items():
            shown = "  ".join(f"{name} {value:.4g}" for name, value in members.items())
            self.print(f"  {group}: {shown}")

    def print(self, text: str) -> None:
        """Prints a line on the terminal."""
        self._progress.print(text)

    def close(self) -> None:
        """Closes all files."""
        for records in self._records:
            records.close()
        self._progress.close()


def _by_group(metrics: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Metrics by what stands before the slash in their names (`bbox/AP`), then by the rest."""
    groups: dict[str, dict[str, float]] = {}
    for name, value in metrics.items():
        group, _, rest = name.rpartition("/")
        groups.setdefault(group or "metrics", {})[rest] = value
    return groups
