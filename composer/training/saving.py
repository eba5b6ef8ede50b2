"""Saves a training so that it can go on, and lets it go on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from composer.errors import CheckpointError, CheckpointMismatchError
from composer.graph import gather_state, write_weights
from composer.runs import AVERAGE, MODEL, CheckpointFolders
from composer.training.averaging import WeightAverage
from composer.training.optimizers import name_state
from composer.training.process_group import ProcessGroup
from composer.training.state import TrainingState, collect_tensors, restore_tensors
from composer.training.step import Learner

_STATE = "training.safetensors"

_log = logging.getLogger("composer.training")


class Saver:
    """Writes and reads the checkpoints of a training.

    Each is a folder with the model, the average of its weights where there is one, and the state
    of everything else.

    Args:
        learner: what learns.
        average: the running average of its weights, or None.
        checkpoints: where the folders are.
        world: the processes; the first one writes.
    """

    def __init__(
        self,
        learner: Learner,
        average: WeightAverage | None,
        checkpoints: CheckpointFolders,
        world: ProcessGroup,
    ) -> None:
        self._learner, self._average = learner, average
        self._checkpoints, self._world = checkpoints, world

    def save(self, iteration: int, values: dict[str, Any]) -> None:
        """Saves a checkpoint, unless there is one of this iteration.

        Args:
            iteration: how many iterations are done.
            values: plain values of the training to go with it.

        Raises:
            CheckpointError: it cannot be written.
        """
        is_saved = self._world.is_first and iteration in self._checkpoints.saved()
        if self._world.any(is_saved):
            return
        tensors = collect_tensors(self._learner.graph, self._learner.optimizer)
        own = {
            **values,
            "optimizer": self._learner.settings.optimizer.uses,
            "scaler": self._learner.precision.state_dict(),
            "num_updates": self._average.num_updates if self._average else 0,
        }

        graph = self._learner.graph
        model, average = gather_state(graph), None
        if self._average is not None:
            with self._average.applied():
                average = gather_state(graph, copy=True)

        def write(folder: Path) -> None:
            write_weights(graph, folder / MODEL, model)
            if average is not None:
                write_weights(graph, folder / AVERAGE, average)
            TrainingState(tensors, own).write(folder / _STATE)

        if self._world.is_first:
            self._checkpoints.add(iteration, write)

    def save_weights(self, file: Path) -> None:
        """Writes the weights to be used: the averaged ones, where there are any.

        Raises:
            CheckpointError: they cannot be written.
        """
        with self.averaged():
            state = gather_state(self._learner.graph)
            if self._world.is_first:
                write_weights(self._learner.graph, file, state)

    def restore(self) -> dict[str, Any] | None:
        """Goes on from the last checkpoint that can be read.

        Later ones, which are damaged, are set aside and told of, so that they neither take the
        places of those to come nor count among those that are kept.

        Returns:
            The plain values that were saved with it; None if there is no checkpoint.

        Raises:
            CheckpointError: there are checkpoints, but none of them can be read, or the last one
                that can is of another model or optimizer.
        """
        faults: dict[Path, str] = {}
        for folder in reversed(self._checkpoints.saved().values()):
            try:
                state = self._load(folder)
            except CheckpointMismatchError:
                raise
            except CheckpointError as error:
                faults[folder] = str(error)
            else:
                self._go_on(state)
                self._set_aside(faults)
                return dict(state.values)
        if faults:
            raise CheckpointError("no checkpoint can be read:\n  " + "\n  ".join(faults.values()))
        return None

    def averaged(self) -> AbstractContextManager[None]:
        """A context in which the model has the averaged weights, where there are any."""
        return nullcontext() if self._average is None else self._average.applied()

    def _set_aside(self, faults: Mapping[Path, str]) -> None:
        """Takes damaged checkpoints out of the way when all processes have looked at them."""
        if self._world.any(bool(faults)) and self._world.is_first:
            for folder, fault in faults.items():
                place = self._checkpoints.set_aside(folder)
                _log.warning("a checkpoint is set aside as '%s': %s", place.name, fault)

    def _load(self, folder: Path) -> TrainingState:
        """Takes the weights of a checkpoint; the rest of it."""
        state = TrainingState.read(folder / _STATE)
        graph = self._learner.graph
        num_updates = state.values["num_updates"]  # 0 where there was no average
        if self._average is not None and num_updates:
            with self._average.applied():
                graph.load(str(folder / AVERAGE))
            self._average.num_updates = num_updates
        graph.load(str(folder / MODEL))
        if self._average is not None and not num_updates:
            self._average.begin()
        return state

    def _go_on(self, state: TrainingState) -> None:
        """Takes the state of everything else.

        Raises:
            CheckpointError: it is the state of another optimizer, or of other parameters.
        """
        optimizer = self._learner.settings.optimizer
        saved = state.values.get("optimizer", optimizer.uses)  # older checkpoints do not tell
        if saved != optimizer.uses:
            raise CheckpointError(
                f"the checkpoint was trained by {saved}, from which {optimizer.uses} cannot go on: "
                f"take {saved}, or begin another training with these weights"
            )
        names = name_state(optimizer.uses, optimizer.with_)
        restore_tensors(self._learner.graph, self._learner.optimizer, state.tensors, names)
        self._learner.precision.load_state_dict(state.values["scaler"])
