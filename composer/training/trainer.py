"""`Trainer`: the loop that makes a graph learn."""

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
from composer.runs import CheckpointFolders, RunFolder
from composer.training.averaging import WeightAverage
from composer.training.batches import Batch, Batches
from composer.training.best_metric import BestMetric
from composer.training.interruption import Interruption
from composer.training.journal import DATA_TIME, TIME, Journal
from composer.training.learner import make_learner
from composer.training.process_group import ProcessGroup
from composer.training.progress import LR, Progress
from composer.training.recording import Means, trim_lines
from composer.training.saving import Saver
from composer.training.schedule import learning_rate_factor, set_learning_rates
from composer.training.seeding import deterministic_operations, kept_generators
from composer.training.settings import TrainingSettings
from composer.training.summary import FINISHED, STOPPED_EARLY, Summary
from composer.training.validation import Validation

_RECENT = 1000  # iterations of which nodes can look at what was recorded

_log = logging.getLogger("composer.training")


class Trainer:
    """Makes a graph learn, records how it goes, and saves it so that it can go on.

    What an iteration does depends on the settings and its number only. So a training that was
    interrupted and resumed gives the same weights, bit for bit, as one that was not.

    Args:
        graph: the graph.
        batches: what it learns from.
        settings: how it learns.
        folder: where its files go.
        validation: what is measured in between, or None.
        world: the processes that learn together; by default this one, where the graph is.
        quiet: whether nothing is shown on the terminal.

    Attributes:
        iteration: how many iterations are done.
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
        world: ProcessGroup | None = None,
        quiet: bool = False,
    ) -> None:
        world = world or ProcessGroup(device_of(graph))
        self._batches, self._settings, self._folder = batches, settings, folder
        self._validation, self._world = validation, world
        self._quiet = quiet or not world.is_first
        self._learner = make_learner(graph, settings, world)
        self._average = WeightAverage(graph, settings.ema.decay) if settings.ema else None
        checkpoints = CheckpointFolders(folder.checkpoints, settings.checkpoint.keep)
        self.would_overwrite = bool(checkpoints.saved())
        if world.is_first:
            checkpoints.remove_partial()
        self._saver = Saver(self._learner, self._average, checkpoints, world)
        best, early = settings.checkpoint.best, settings.early_stopping
        self._best = BestMetric(best) if best else None
        self._patience = BestMetric(early, early.min_change) if early else None
        self._means = Means()
        self._metrics: dict[str, float] = {}
        self._record: dict[str, float] = {}
        self._owes_evaluation = False
        self.iteration = self._evaluated = 0

    def restore(self) -> bool:
        """Goes on from the last checkpoint in the folder; whether there is one.

        Raises:
            CheckpointError: there are checkpoints, but none can be read, or they do not fit.
        """
        values = self._saver.restore()
        if values is None:
            return False
        self.would_overwrite = False
        self.iteration, self._evaluated = values["iteration"], values["evaluated"]
        self._owes_evaluation = values.get("is_unmeasured", False)  # older checkpoints lack it
        self._metrics, self._record = values["metrics"], values.get("record", {})
        if self._world.rank < len(values["means"]):
            self._means.restore(values["means"][self._world.rank])
        for standing, name in ((self._best, "best"), (self._patience, "patience")):
            if standing is not None and values[name] is not None:
                self._restore_standing(standing, values[name])
        return True

    def _restore_standing(self, standing: BestMetric, values: Mapping[str, Any]) -> None:
        """Goes on with the best value of before, where it is of the metric that decides now."""
        if not standing.restore(values) and self._world.is_first:
            now, then = standing.as_values(), values
            _log.warning(
                "the best value so far (%s, %s is better) says nothing of %s, %s: it is left out",
                *(then["metric"], then["better"], now["metric"], now["better"]),
            )

    def run(self) -> Summary:
        """Trains until the last iteration, until nothing gets better, or until a signal comes.

        Raises:
            TrainingError: a loss is not finite, or the folder has another training in it.
            CheckpointError: the weights cannot be saved in the end.
        """
        if self.would_overwrite:
            raise TrainingError(
                f"{self._folder.path}: there is a training in this folder already. "
                "Resume it, or name another folder."
            )
        if self._world.is_first:
            trim_lines(self._folder.metrics, self.iteration, self._evaluated)
        began = time.monotonic()
        progress = Progress(self._settings.iterations, self.iteration, quiet=self._quiet)
        with kept_generators(), Interruption() as interruption:
            journal = Journal(self._folder, self._means, self._world, progress, self.iteration)
            with closing(journal), deterministic_operations(self._settings.deterministic):
                status = self._train(journal, interruption)
            seconds = time.monotonic() - began
            return self._summarise(status, seconds)

    def _train(self, journal: Journal, interruption: Interruption) -> str:
        """The loop; how it ended."""
        settings = self._settings
        self._learner.graph.train()
        self._batches.seek(self.iteration * settings.accumulate)
        batches = iter(self._batches)
        with EventStorage(self.iteration, max_length=_RECENT) as storage:
            while True:
                if self._world.any(bool(interruption.signal)):
                    self._save()
                    return f"interrupted by {interruption.signal or 'a signal'}"
                if status := self._pause(journal):
                    return status
                self._iterate(batches, storage)
                journal.note(storage)
                storage.step()
                self.iteration += 1
                if self._is_due(settings.log_every):
                    self._record = journal.record(self.iteration)

    def _pause(self, journal: Journal) -> str:
        """Saves and measures between two iterations, if it is time; how it ended, if it did."""
        is_done = self.iteration >= self._settings.iterations
        if is_done:
            self._save()
        elif self._is_due(self._settings.checkpoint.every) or self._is_unmeasured:
            self._attempt(self._save, journal)
        if self._validation and self._is_unmeasured:
            self._validate(self._validation, journal)
        early = self._settings.early_stopping
        if early and self._patience and self._patience.num_worse >= early.patience:
            return STOPPED_EARLY
        return FINISHED if is_done else ""

    def _iterate(self, batches: Iterator[Batch], storage: EventStorage) -> None:
        began = time.perf_counter()
        settings = self._settings
        given = list(islice(batches, settings.accumulate))
        waited = time.perf_counter() - began
        factor = learning_rate_factor(settings.schedule, self.iteration, settings.iterations)
        set_learning_rates(self._learner.optimizer, factor)
        values = self._learner.step(given, self.iteration)
        if self._average is not None:
            self._average.update()
        for name, value in values.items():
            storage.put_scalar(name, value)
        storage.put_scalar(LR, settings.optimizer.lr * factor, smoothing_hint=False)
        storage.put_scalar(DATA_TIME, waited)
        storage.put_scalar(TIME, time.perf_counter() - began)

    def _validate(self, validation: Validation, journal: Journal) -> None:
        """Measures, with the averaged weights if there are any, and keeps the best.

        All processes measure the model that is saved: until then each has the statistics of its
        own images.
        """
        with self._saver.averaged():
            self._world.share(self._learner.graph.buffers())
            graph = self._learner.graph
            self._metrics = validation.measure(graph, self._settings, self._world)
        self._evaluated, self._owes_evaluation = self.iteration, False
        journal.record_evaluation(self.iteration, self._metrics)
        if self._patience is not None:
            self._patience.update(self._metrics, self.iteration)
        if self._best is not None:
            self._keep_best(self._best, journal)

    def _keep_best(self, best: BestMetric, journal: Journal) -> None:
        """Writes the weights if they are the best so far; what cannot be written does not count."""
        before = best.as_values()
        if not best.update(self._metrics, self.iteration):
            return
        if not self._attempt(lambda: self._saver.save_weights(self._folder.best), journal):
            best.restore(before)

    def _save(self) -> None:
        """Saves a checkpoint.

        Raises:
            CheckpointError: it cannot be written.
        """
        values: dict[str, Any] = {
            "iteration": self.iteration,
            "evaluated": self._evaluated,
            "is_unmeasured": self._is_unmeasured,
            "metrics": self._metrics,
            "record": self._record,
            "means": self._world.gather(self._means.as_values()),
            "best": self._best.as_values() if self._best else None,
            "patience": self._patience.as_values() if self._patience else None,
        }
        self._saver.save(self.iteration, values)

    def _attempt(self, save: Callable[[], None], journal: Journal) -> bool:
        """Saves; where that fails, tells so, and the training goes on. Whether it went well."""
        has_failed = False
        try:
            save()
        except CheckpointError as error:
            has_failed = True
            journal.tell(f"warning: {error} What was saved before is still there.")
        return not self._world.any(has_failed)

    @property
    def _is_unmeasured(self) -> bool:
        """Whether an evaluation comes now.

        That of a checkpoint which was saved before its evaluation is made when it is resumed,
        even where the training is longer now and would not measure there: it may be the best.
        """
        if self._validation is None or self._evaluated == self.iteration:
            return False
        return self._owes_evaluation or self._is_due(self._validation.every)

    def _is_due(self, every: int) -> bool:
        """Whether something that is done every so many iterations is done now, or at the end."""
        is_done = self.iteration >= self._settings.iterations
        return self.iteration > 0 and (is_done or self.iteration % every == 0)

    def _summarise(self, status: str, seconds: float) -> Summary:
        """Writes the last weights, if it is over, and the summary."""
        self._learner.graph.eval()
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
            self._saver.save_weights(self._folder.model)
        if self._world.is_first:
            write_json(self._folder.summary, asdict(summary), indent=2)
        self._world.wait()
        return summary
