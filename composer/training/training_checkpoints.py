"""Checkpoints of a training: saving and resuming."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from composer.errors import CheckpointError, CheckpointMismatchError
from composer.graph import gather_state, write_weights
from composer.runs import AVERAGE, MODEL, CheckpointFolders, check_checksums
from composer.training.optimizers import name_state
from composer.training.process_group import ProcessGroup
from composer.training.state import TrainingState, collect_tensors, restore_tensors
from composer.training.training_step import TrainingStep
from composer.training.weight_average import WeightAverage

_STATE = "training.safetensors"

_RESUME = (
    "The model is not the one that was trained: resume with the settings that the training was "
    "started with, or start another training with these weights"
)

_log = logging.getLogger("composer.training")


class TrainingCheckpoints:
    """Writes and reads the checkpoints of a training.

    Each is a folder with the model, the average of its weights where there is one, and the state
    of everything else.

    Args:
        step: graph, optimizer and precision.
        average: the running average of its weights, or None.
        checkpoints: the folders.
        processes: the processes; rank 0 writes.
    """

    def __init__(
        self,
        step: TrainingStep,
        average: WeightAverage | None,
        checkpoints: CheckpointFolders,
        processes: ProcessGroup,
    ) -> None:
        self._step, self._average = step, average
        self._folders, self._processes = checkpoints, processes

    def save(self, iteration: int, values: dict[str, Any]) -> None:
        """Saves a checkpoint, unless there is one of this iteration.

        Args:
            iteration: number of iterations done.
            values: further plain values of the training.

        Raises:
            CheckpointError: it cannot be written.
        """
        is_saved = self._processes.is_first and iteration in self._folders.saved()
        if self._processes.any(is_saved):
            return
        tensors = collect_tensors(self._step.graph, self._step.optimizer)
        own = {
            **values,
            "optimizer": self._step.settings.optimizer.uses,
            "scaler": self._step.precision.state_dict(),
            "num_updates": self._average.num_updates if self._average else 0,
        }

        graph = self._step.graph
        model, average = gather_state(graph), None
        if self._average is not None:
            with self._average.applied():
                average = gather_state(graph, copy=True)

        def write(folder: Path) -> None:
            write_weights(graph, folder / MODEL, model)
            if average is not None:
                write_weights(graph, folder / AVERAGE, average)
            TrainingState(tensors, own).write(folder / _STATE)

        if self._processes.is_first:
            self._folders.add(iteration, write)

    def save_weights(self, file: Path) -> None:
        """Writes the averaged weights if there are any, else the weights.

        Raises:
            CheckpointError: they cannot be written.
        """
        with self.averaged():
            state = gather_state(self._step.graph)
            if self._processes.is_first:
                write_weights(self._step.graph, file, state)

    def restore(self) -> dict[str, Any] | None:
        """Resumes from the last checkpoint that can be read.

        Damaged ones after it are set aside with a warning, so that they do not count.

        Returns:
            The plain values that were saved with it; None if there is no checkpoint.

        Raises:
            CheckpointError: there are checkpoints, but none of them can be read, or the last one
                that can is of another model or optimizer.
        """
        faults: dict[Path, str] = {}
        for folder in reversed(self._folders.saved().values()):
            try:
                state = self._load(folder)
            except CheckpointMismatchError:
                raise
            except CheckpointError as error:
                faults[folder] = str(error)
            else:
                self._restore_state(state)
                self._set_aside(faults)
                return dict(state.values)
        if faults:
            raise CheckpointError("no checkpoint can be read:\n  " + "\n  ".join(faults.values()))
        return None

    def averaged(self) -> AbstractContextManager[None]:
        """A context in which the model has the averaged weights, where there are any."""
        return nullcontext() if self._average is None else self._average.applied()

    def _set_aside(self, faults: Mapping[Path, str]) -> None:
        """Sets damaged checkpoints aside once all processes have read them."""
        if self._processes.any(bool(faults)) and self._processes.is_first:
            for folder, fault in faults.items():
                place = self._folders.set_aside(folder)
                _log.warning("a checkpoint is set aside as '%s': %s", place.name, fault)

    def _load(self, folder: Path) -> TrainingState:
        """Loads the weights of a checkpoint, after its checksums; returns the rest.

        Raises:
            CheckpointError: a file is damaged.
            CheckpointMismatchError: they are those of another model.
        """
        check_checksums(folder)
        state = TrainingState.read(folder / _STATE)
        try:
            return self._load_weights(folder, state)
        except CheckpointMismatchError as error:  # options of a load are none of a resumed training
            raise CheckpointMismatchError(error.report, {"": _RESUME}) from error

    def _load_weights(self, folder: Path, state: TrainingState) -> TrainingState:
        """Loads the weights of a checkpoint."""
        graph = self._step.graph
        num_updates = state.values["num_updates"]  # 0 where there was no average
        if self._average is not None and num_updates:
            with self._average.applied():
                graph.load(str(folder / AVERAGE))
            self._average.num_updates = num_updates
        graph.load(str(folder / MODEL))
        if self._average is not None and not num_updates:
            self._average.begin()
        return state

    def _restore_state(self, state: TrainingState) -> None:
        """Restores optimizer, buffers and gradient scaler.

        Raises:
            CheckpointError: it is the state of another optimizer, or of other parameters.
        """
        optimizer = self._step.settings.optimizer
        saved = state.values["optimizer"]
        if saved != optimizer.uses:
            raise CheckpointError(
                f"the checkpoint was trained by {saved}, which {optimizer.uses} cannot resume: "
                f"use {saved}, or start another training with these weights"
            )
        names = name_state(optimizer.uses, optimizer.with_)
        restore_tensors(self._step.graph, self._step.optimizer, state.tensors, names)
        self._step.precision.load_state_dict(state.values["scaler"])
