"""The journal of a training: what it records, on the terminal and in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping

from composer.events import EventStorage
from composer.runs import RunFolder
from composer.training.process_group import ProcessGroup
from composer.training.progress import (
    DATA_SHARE,
    MEMORY,
    SECONDS,
    Progress,
    memory_in_use,
)
from composer.training.recording import EVALUATION, JsonLines, Means, Records, TensorBoard

TIME, DATA_TIME = "time", "data_time"  # detectron2's names


class Journal:
    """Keeps the records of a training.

    Args:
        folder: the run's folder.
        means: what was recorded since the last record.
        world: the processes, over which means are taken; the first one writes and speaks.
        progress: the terminal.
        start: the iteration that the training begins at.
    """

    def __init__(
        self, folder: RunFolder, means: Means, world: ProcessGroup, progress: Progress, start: int
    ) -> None:
        self._means, self._world, self._progress = means, world, progress
        self._records = self._open(folder, start) if world.is_first else []

    def _open(self, folder: RunFolder, start: int) -> list[Records]:
        records: list[Records] = [JsonLines(folder.metrics)]
        try:
            records.append(TensorBoard(folder.tensorboard, start))
        except ImportError:
            self.tell(
                "no records for TensorBoard: it is not installed "
                "(pip install 'detection-composer[tensorboard]')"
            )
        return records

    def note(self, storage: EventStorage) -> None:
        """Takes in what an iteration has put into the storage."""
        self._means.add(storage)
        self._progress.advance()

    def record(self, iteration: int) -> dict[str, float]:
        """Writes the means since the last record, and gives them.

        Args:
            iteration: how many iterations are done.
        """
        values = self._world.mean(self._means.take())
        values[SECONDS] = values.pop(TIME)
        values[DATA_SHARE] = values.pop(DATA_TIME) / max(values[SECONDS], 1e-9)
        values[MEMORY] = memory_in_use(self._world.device)
        for records in self._records:
            records.write(iteration, values)
        self._progress.record(iteration, values)
        return values

    def record_evaluation(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Writes the metrics of an evaluation."""
        for records in self._records:
            records.write(iteration, metrics, EVALUATION)
        self.tell(f"evaluation after iteration {iteration}")
        for group, members in _by_group(metrics).items():
            shown = "  ".join(f"{name} {value:.4g}" for name, value in members.items())
            self.tell(f"  {group}: {shown}")

    def tell(self, text: str) -> None:
        """Shows a line on the terminal."""
        self._progress.tell(text)

    def close(self) -> None:
        """Writes what is left."""
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
