"""Saves a training so that it can go on, and lets it go on."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from composer.errors import CheckpointError
from composer.training.averaging import WeightAverage
from composer.training.checkpoints import Checkpoints
from composer.training.sharding import take_weights, whole_graph
from composer.training.state import TrainingState, collect_tensors, restore_tensors
from composer.training.step import Learner
from composer.training.world import World

MODEL, AVERAGE, _STATE = "model.safetensors", "average.safetensors", "training.safetensors"


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
        checkpoints: Checkpoints,
        world: World,
    ) -> None:
        self._learner, self._average = learner, average
        self._checkpoints, self._world = checkpoints, world

    def save(self, iteration: int, values: dict[str, Any]) -> None:
        """Saves a checkpoint.

        Args:
            iteration: how many iterations are done.
            values: plain values of the training to go with it.

        Raises:
            CheckpointError: it cannot be written.
        """
        tensors = collect_tensors(self._learner.graph, self._learner.optimizer)
        own = {
            **values,
            "scaler": self._learner.precision.state_dict(),
            "num_updates": self._average.num_updates if self._average else 0,
        }

        graph = self._learner.graph
        model = whole_graph(graph)
        with self.averaged():
            average = whole_graph(graph)

        def write(folder: Path) -> None:
            model.save(folder / MODEL)
            if self._average is not None:
                with self.averaged() if average is graph else nullcontext():
                    average.save(folder / AVERAGE)
            TrainingState(tensors, own).write(folder / _STATE)

        if self._world.is_first:
            self._checkpoints.save(iteration, write)

    def save_weights(self, file: Path) -> None:
        """Writes the weights to be used: the averaged ones, where there are any.

        Raises:
            CheckpointError: they cannot be written.
        """
        with self.averaged():
            graph = whole_graph(self._learner.graph)
            if self._world.is_first:
                graph.save(file)

    def restore(self) -> dict[str, Any] | None:
        """Goes on from the last checkpoint that can be read.

        Returns:
            The plain values that were saved with it; None if there is no checkpoint.

        Raises:
            CheckpointError: there are checkpoints, but none of them can be read.
        """
        faults: list[str] = []
        for folder in reversed(self._checkpoints.saved().values()):
            try:
                return self._restore(folder)
            except CheckpointError as error:
                faults.append(str(error))
        if faults:
            raise CheckpointError("no checkpoint can be read:\n  " + "\n  ".join(faults))
        return None

    def averaged(self) -> AbstractContextManager[None]:
        """A context in which the model has the averaged weights, where there are any."""
        return nullcontext() if self._average is None else self._average.applied()

    def _restore(self, folder: Path) -> dict[str, Any]:
        state = TrainingState.read(folder / _STATE)
        graph = self._learner.graph
        source = whole_graph(graph)
        if self._average is not None:
            with self._average.applied():
                source.load(str(folder / AVERAGE))
                take_weights(graph, source)
            self._average.num_updates = state.values["num_updates"]
        source.load(str(folder / MODEL))
        take_weights(graph, source)
        restore_tensors(graph, self._learner.optimizer, state.tensors)
        self._learner.precision.load_state_dict(state.values["scaler"])
        return dict(state.values)
