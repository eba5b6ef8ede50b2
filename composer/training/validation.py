"""Evaluation during a training, on the validation set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch

from composer.events import EventStorage
from composer.graph import Graph, in_step
from composer.training.batches import Batch
from composer.training.losses import TOTAL_LOSS, find_losses, sum_losses
from composer.training.process_group import ProcessGroup
from composer.training.seeding import batch_seed, seed_generators
from composer.training.settings import TrainingSettings
from composer.values import move

VALIDATION_LOSSES = "validation"


@dataclass(frozen=True)
class Validation:
    """Metrics and losses to compute during a training.

    Args:
        every: iterations between evaluations; there is always one after the last iteration.
        metrics: computes the metrics of a graph by name, the same on every process; or None.
        batches: this process' batches for validation losses; or None.
        report: writes the files of the last evaluation, on rank 0; or None.
    """

    every: int
    metrics: Callable[[Graph], Mapping[str, float]] | None = None
    batches: Iterable[Batch] | None = None
    report: Callable[[], None] | None = None

    def measure(
        self, graph: Graph, settings: TrainingSettings, processes: ProcessGroup
    ) -> dict[str, float]:
        """The metrics, and the mean losses as `validation/<loss>` and `validation/total_loss`.

        The graph is in inference mode meanwhile; events of its nodes are not recorded. Random
        numbers follow from the seed.

        Args:
            graph: the graph.
            settings: seed and weights of losses.
            processes: the processes.
        """
        seed_generators(batch_seed(settings.seed, 0, processes.rank))
        was_training = graph.training
        graph.eval()
        try:
            with EventStorage(), torch.no_grad():
                found = dict(self.metrics(graph)) if self.metrics is not None else {}
                if self.batches is not None:
                    found |= _mean_losses(graph, self.batches, settings, processes)
        finally:
            graph.train(was_training)
        return found


def _mean_losses(
    graph: Graph, batches: Iterable[Batch], settings: TrainingSettings, processes: ProcessGroup
) -> dict[str, float]:
    """The losses of all processes' batches, the mean over images."""
    sums: dict[str, float] = {}
    num_images = 0
    for number, (batch, counts) in enumerate(in_step(graph, batches)):
        seed = batch_seed(settings.seed, number, processes.rank)
        seed_generators(seed)
        losses = find_losses(graph.run(move(batch, processes.device), mode="training", seed=seed))
        if not counts:
            continue
        losses[TOTAL_LOSS] = sum_losses(losses, settings.loss_weights)
        for name, loss in losses.items():
            sums[name] = sums.get(name, 0.0) + float(loss.item()) * len(batch)
        num_images += len(batch)
    parts = processes.gather((sums, num_images))
    count = max(sum(images for _, images in parts), 1)
    names = dict.fromkeys(name for part, _ in parts for name in part)
    return {
        f"{VALIDATION_LOSSES}/{n}": sum(part.get(n, 0.0) for part, _ in parts) / count
        for n in names
    }
