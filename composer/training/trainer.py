"""`Trainer`: the training loop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from typing import Any

from composer.errors import CheckpointError, TrainingError
from composer.events import EventStorage
from composer.files import write_json
from composer.graph import Graph, device_of
from composer.runs import CheckpointFolders, RunFolder, check_no_training
from composer.training.batches import Batch, Batches
from composer.training.best_metric import BestMetric
from composer.training.curves import write_curves
from composer.training.interruption import Interruption
from composer.training.journal import DATA_TIME, TIME, Journal
from composer.training.log_writers import Means, trim_lines
from composer.training.precise_norms import find_training_norms, recompute_norms
from composer.training.process_group import ProcessGroup
from composer.training.progress import LR, Progress
from composer.training.schedule import learning_rate_factor, set_learning_rates
from composer.training.seeding import deterministic_operations, kept_generators
from composer.training.settings import TrainingSettings
from composer.training.summary import FINISHED, STOPPED_EARLY, Summary
from composer.training.training_checkpoints import TrainingCheckpoints
from composer.training.training_step import make_training_step
from composer.training.validation import Validation
from composer.training.weight_average import WeightAverage
from composer.value_cache import CacheFolder
from composer.worker_death import reporting_worker_death

_RECENT = 1000  # iterations whose records nodes can read

_log = logging.getLogger("composer.training")


class Trainer:
    """Trains a graph, logs metrics, and saves checkpoints from which training can be resumed.

    What an iteration does depends on the settings and its number only. So a training that was
    interrupted and resumed gives the same weights, bit for bit, as one that was not.

    Args:
        graph: the graph.
        batches: the training batches.
        settings: the training settings.
        folder: the run folder.
        validation: the evaluation during the training, or None.
        processes: the processes of the training; by default this one, on the device of the graph.
        quiet: print nothing.
        cache: a folder in which values of frozen nodes are kept, for batches that come again.

    Attributes:
        iteration: number of iterations done.
        would_overwrite: whether the folder has checkpoints of a training that this does not resume.
    """

    def __init__(
        self,
        graph: Graph,
        batches: Batches,
        settings: TrainingSettings,
        folder: RunFolder,
        *,
        validation: Validation | None = None,
        processes: ProcessGroup | None = None,
        quiet: bool = False,
        cache: CacheFolder | None = None,
    ) -> None:
        processes = processes or ProcessGroup(device_of(graph))
        self._batches, self._settings, self._folder = batches, settings, folder
        self._validation, self._processes = validation, processes
        self._quiet = quiet or not processes.is_first
        self._step = make_training_step(graph, settings, processes, cache)
        _require_norms(graph, settings)
        self._average = WeightAverage(graph, settings.ema.decay) if settings.ema else None
        checkpoints = CheckpointFolders(folder.checkpoints, settings.checkpoint.keep)
        self.would_overwrite = bool(checkpoints.saved())
        if processes.is_first:
            checkpoints.remove_partial()
        self._checkpoints = TrainingCheckpoints(self._step, self._average, checkpoints, processes)
        best, early = settings.checkpoint.best, settings.early_stopping
        self._best = BestMetric(best) if best else None
        self._patience = BestMetric(early, early.min_change) if early else None
        self._means = Means()
        self._metrics: dict[str, float] = {}
        self._record: dict[str, float] = {}
        self._owes_evaluation = False
        self.iteration = self._evaluated = 0

    def restore(self) -> bool:
        """Resumes from the last checkpoint in the folder; whether there is one.

        Raises:
            CheckpointError: there are checkpoints, but none can be read, or they do not fit.
        """
        values = self._checkpoints.restore()
        if values is None:
            return False
        self.would_overwrite = False
        self.iteration, self._evaluated = values["iteration"], values["evaluated"]
        self._owes_evaluation = values["is_unmeasured"]
        self._metrics, self._record = values["metrics"], values["record"]
        if self._processes.rank < len(values["means"]):
            self._means.restore(values["means"][self._processes.rank])
        for tracked, name in ((self._best, "best"), (self._patience, "patience")):
            if tracked is not None and values[name] is not None:
                self._restore_best(tracked, values[name])
        return True

    def _restore_best(self, tracked: BestMetric, values: Mapping[str, Any]) -> None:
        """Restores the best value, if it is one of the same metric."""
        if not tracked.restore(values) and self._processes.is_first:
            now, then = tracked.as_values(), values
            _log.warning(
                "the best value so far (%s, %s is better) is dropped: the metric is now %s, %s",
                *(then["metric"], then["better"], now["metric"], now["better"]),
            )

    def run(self) -> Summary:
        """Trains until the last iteration, early stopping, or a signal.

        Raises:
            TrainingError: a loss is not finite, or the folder has another training in it.
            CheckpointError: the weights cannot be saved in the end.
            DataError: a data worker ended.
        """
        if self.would_overwrite:
            check_no_training(self._folder)
        if self._processes.is_first:
            trim_lines(self._folder.metrics, self.iteration, self._evaluated)
        began = time.monotonic()
        progress = Progress(self._settings.iterations, self.iteration, quiet=self._quiet)
        with kept_generators(), Interruption() as interruption:
            journal = Journal(self._folder, self._means, self._processes, progress, self.iteration)
            with (
                closing(journal),
                deterministic_operations(self._settings.deterministic),
                reporting_worker_death(),
            ):
                status = self._train(journal, interruption)
            seconds = time.monotonic() - began
            return self._summarise(status, seconds)

    def _train(self, journal: Journal, interruption: Interruption) -> str:
        """Runs the loop; returns the status."""
        settings = self._settings
        self._step.graph.train()
        self._batches.seek(self.iteration * settings.accumulate)
        batches = iter(self._batches)
        with EventStorage(self.iteration, max_length=_RECENT) as storage:
            while True:
                if self._processes.any(bool(interruption.signal)):
                    self._save()
                    return f"interrupted by {interruption.signal or 'a signal'}"
                if status := self._pause(journal):
                    return status
                self._iterate(batches, storage)
                journal.note(storage)
                storage.step()
                self.iteration += 1
                if self.iteration == 1 or self._is_due(settings.log_every):
                    self._require_folder()
                    self._record = journal.record(self.iteration)

    def _pause(self, journal: Journal) -> str:
        """Saves and evaluates between two iterations, if due; the status, if training has ended."""
        is_done = self.iteration >= self._settings.iterations
        if is_done or self._is_evaluation_due:
            self._recompute_norms()
        if is_done:
            self._save()
        elif self._is_due(self._settings.checkpoint.every) or self._is_evaluation_due:
            self._attempt(self._save, journal)
        if self._validation and self._is_evaluation_due:
            self._validate(self._validation, journal)
        early = self._settings.early_stopping
        if early and self._patience and self._patience.num_worse >= early.patience:
            return STOPPED_EARLY
        return FINISHED if is_done else ""

    def _recompute_norms(self) -> None:
        """Recomputes the statistics of BatchNorm, if that is set, for the weights that are saved.

        The batches are the first ones of the training, whatever the iteration, so that a resumed
        training has the same.
        """
        if self._settings.precise_bn is None:
            return
        batches, position = self._batches, self._batches.position
        batches.seek(0)
        first = islice(batches, self._settings.precise_bn)
        with self._checkpoints.averaged():
            recompute_norms(
                self._step.graph, first, seed=self._settings.seed, processes=self._processes
            )
        batches.seek(position)

    def _iterate(self, batches: Iterator[Batch], storage: EventStorage) -> None:
        began = time.perf_counter()
        settings = self._settings
        given = list(islice(batches, settings.accumulate))
        waited = time.perf_counter() - began
        factor = learning_rate_factor(settings.schedule, self.iteration, settings.iterations)
        set_learning_rates(self._step.optimizer, factor)
        values = self._step.run(given, self.iteration)
        if self._average is not None:
            self._average.update()
        for name, value in values.items():
            storage.put_scalar(name, value)
        storage.put_scalar(LR, settings.optimizer.lr * factor, smoothing_hint=False)
        storage.put_scalar(DATA_TIME, waited)
        storage.put_scalar(TIME, time.perf_counter() - began)

    def _validate(self, validation: Validation, journal: Journal) -> None:
        """Evaluates, with the averaged weights if there are any, and keeps the best.

        The buffers of rank 0 are broadcast first: that is the model that is saved.
        """
        with self._checkpoints.averaged():
            self._processes.broadcast(self._step.graph.buffers())
            graph = self._step.graph
            self._metrics = validation.measure(graph, self._settings, self._processes)
        self._evaluated, self._owes_evaluation = self.iteration, False
        journal.record_evaluation(self.iteration, self._metrics)
        self._draw_curves()
        if self._patience is not None:
            self._patience.update(self._metrics, self.iteration)
        if self._best is not None:
            self._keep_best(self._best, journal)

    def _keep_best(self, best: BestMetric, journal: Journal) -> None:
        """Writes the weights if they are the best so far, and if they can be written."""
        before = best.as_values()
        if not best.update(self._metrics, self.iteration):
            return
        if not self._attempt(lambda: self._checkpoints.save_weights(self._folder.best), journal):
            best.restore(before)

    def _save(self) -> None:
        """Saves a checkpoint.

        Raises:
            CheckpointError: it cannot be written.
            TrainingError: the folder is gone.
        """
        self._require_folder()
        values: dict[str, Any] = {
            "iteration": self.iteration,
            "evaluated": self._evaluated,
            "is_unmeasured": self._is_evaluation_due,
            "metrics": self._metrics,
            "record": self._record,
            "means": self._processes.gather(self._means.as_values()),
            "best": self._best.as_values() if self._best else None,
            "patience": self._patience.as_values() if self._patience else None,
        }
        self._checkpoints.save(self.iteration, values)

    def _require_folder(self) -> None:
        """Ends a training whose folder is gone, before more of it is lost.

        Raises:
            TrainingError: the folder was deleted or renamed.
        """
        if self._processes.any(self._processes.is_first and not self._folder.metrics.exists()):
            raise TrainingError(
                f"{self._folder.path}: the folder of the run was deleted or renamed during the "
                "training, which ends here. A renamed one can be resumed: "
                "composer train --resume --output FOLDER"
            )

    def _attempt(self, save: Callable[[], None], journal: Journal) -> bool:
        """Saves; if that fails, logs a warning and continues. Whether all processes succeeded."""
        has_failed = False
        try:
            save()
        except CheckpointError as error:
            has_failed = True
            journal.print(f"warning: {error} Earlier checkpoints are intact.")
        return not self._processes.any(has_failed)

    @property
    def _is_evaluation_due(self) -> bool:
        """Whether an evaluation is due.

        One that followed the last checkpoint is repeated when training is resumed, even where a
        longer training has none at that iteration: its weights may be the best.
        """
        if self._validation is None or self._evaluated == self.iteration:
            return False
        return self._owes_evaluation or self._is_due(self._validation.every)

    def _is_due(self, every: int) -> bool:
        """Whether an action of every so many iterations is due, now or at the end."""
        is_done = self.iteration >= self._settings.iterations
        return self.iteration > 0 and (is_done or self.iteration % every == 0)

    def _draw_curves(self) -> None:
        """Draws the curves so far; the training goes on without, should that fail."""
        if not self._processes.is_first:
            return
        try:
            write_curves(self._folder.metrics, self._folder.plots)
        except OSError as error:
            _log.warning("the curves of the training are not drawn: %s", error)

    def _summarise(self, status: str, seconds: float) -> Summary:
        """Writes the last weights, if training is complete, and the summary."""
        self._step.graph.eval()
        best = self._best.as_values() if self._best else None
        summary = Summary(
            status,
            self.iteration,
            seconds,
            self._metrics,
            best,
            self._record,
            is_averaged=self._average is not None,
        )
        if summary.is_complete:
            self._checkpoints.save_weights(self._folder.model)
            self._draw_curves()
            if self._validation and self._validation.report and self._processes.is_first:
                self._validation.report()
        if self._processes.is_first:
            write_json(self._folder.summary, asdict(summary), indent=2, follow_links=False)
        self._processes.wait()
        return summary


def _require_norms(graph: Graph, settings: TrainingSettings) -> None:
    """Checks that there are statistics to recompute, if that is set.

    Raises:
        TrainingError: there are none.
    """
    if settings.precise_bn is None:
        return
    with graph.in_training_mode():
        has_norms = bool(find_training_norms(graph))
    if not has_norms:
        raise TrainingError(
            "precise_bn is set, but no BatchNorm of the model is trained: norms are frozen, or of "
            "another kind"
        )
