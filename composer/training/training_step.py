"""One step of the optimizer: losses, gradients, clipping, new weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.nn.parallel import DistributedDataParallel

from composer.acceleration import prepare_channels_last
from composer.errors import TrainingError
from composer.graph import Graph
from composer.training.batches import Batch, SeededBatch
from composer.training.divergence import describe_divergence
from composer.training.losses import TOTAL_LOSS, LossModel, sum_losses
from composer.training.optimizers import make_optimizer
from composer.training.parameter_groups import group_parameters
from composer.training.precision import MixedPrecision
from composer.training.process_group import ProcessGroup
from composer.training.seeding import batch_seed, seed_generators
from composer.training.settings import ClipSettings, TrainingSettings
from composer.training.sharding import shard_weights, whole
from composer.value_cache import CacheFolder
from composer.values import move

GRAD_NORM = "grad_norm"


@dataclass(frozen=True)
class TrainingStep:
    """A graph, its optimizer and precision, and one step of training them.

    Args:
        graph: the graph.
        model: the graph as a module that returns losses, wrapped for several processes.
        optimizer: the optimizer of its parameters.
        precision: mixed precision of the forward pass.
        settings: the settings of the training.
        processes: the processes of the training.
    """

    graph: Graph
    model: nn.Module
    optimizer: torch.optim.Optimizer
    precision: MixedPrecision
    settings: TrainingSettings
    processes: ProcessGroup

    def run(self, batches: Sequence[Batch], iteration: int) -> dict[str, float]:
        """Updates the weights with the mean gradient of batches.

        Args:
            batches: the batches of the step.
            iteration: the iteration, from 0.

        Returns:
            The losses by name, their weighted sum `total_loss`, and `grad_norm`, the norm of all
            gradients before they are clipped.

        Raises:
            TrainingError: a loss or a gradient is not finite.
        """
        self.optimizer.zero_grad(set_to_none=True)
        if isinstance(self.graph, FSDPModule):  # DDP does so by itself
            self.processes.broadcast(self.graph.buffers())
        seeded = [
            SeededBatch(batch, batch_seed(self.settings.seed, number, self.processes.rank))
            for number, batch in enumerate(batches, start=iteration * len(batches))
        ]
        parts: list[dict[str, float]] = []
        for batch in seeded:
            with self._synchronised(is_last=batch is seeded[-1]):
                parts.append(self._backward(batch, iteration, len(seeded)))
        values = {name: sum(part[name] for part in parts) / len(parts) for name in parts[0]}
        norm = self._update()
        if not math.isfinite(norm) and not self.precision.may_overflow:
            self._refuse(seeded, {**values, GRAD_NORM: norm}, iteration)
        return {**values, GRAD_NORM: norm}

    def _backward(self, seeded: SeededBatch, iteration: int, num_batches: int) -> dict[str, float]:
        """Adds the gradients of one batch; its losses by name."""
        batch = move(seeded.batch, self.processes.device)
        seed_generators(seeded.seed)
        with self.precision.autocast():
            losses = self.model(batch, seeded.seed)
        total = sum_losses(losses, self.settings.loss_weights)
        values = _as_numbers({**losses, TOTAL_LOSS: total})
        if not all(map(math.isfinite, values.values())):
            self._refuse([seeded], values, iteration)
        self.precision.backward(total / num_batches)
        return values

    def _update(self) -> float:
        """Clips the gradients and changes the weights, if they are finite; the gradients' norm."""
        scaler = self.precision.scaler
        scaler.unscale_(self.optimizer)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        norm = clip_gradients(parameters, self.settings.clip)
        if math.isfinite(norm) or self.precision.may_overflow:
            scaler.step(self.optimizer)
            scaler.update()
        return norm

    def _refuse(
        self, batches: Sequence[SeededBatch], values: Mapping[str, float], iteration: int
    ) -> NoReturn:
        moved = [each._replace(batch=move(each.batch, self.processes.device)) for each in batches]
        raise TrainingError(describe_divergence(self.graph, moved, values, iteration=iteration + 1))

    def _synchronised(self, *, is_last: bool) -> AbstractContextManager[Any]:
        """Processes exchange gradients once a step, after the last batch."""
        if isinstance(self.model, DistributedDataParallel) and not is_last:
            return self.model.no_sync()
        if isinstance(self.graph, FSDPModule):
            self.graph.set_requires_gradient_sync(is_last)
        return nullcontext()


def make_training_step(
    graph: Graph,
    settings: TrainingSettings,
    processes: ProcessGroup,
    cache: CacheFolder | None = None,
) -> TrainingStep:
    """Moves a graph to its device, wraps it for several processes, and makes its optimizer.

    Args:
        graph: the graph.
        settings: the training settings.
        processes: the processes of the training.
        cache: a folder in which values of frozen nodes are kept.

    Raises:
        TrainingError: values are to be kept of a graph whose weights are sharded.
        NameResolutionError: a parameter group matches nothing, or nothing is trainable.
        ContractError: with channels last, a node type says something impossible of itself.
    """
    if settings.channels_last:
        graph.to(memory_format=torch.channels_last)
        prepare_channels_last(graph.blueprint, graph.callables)
    model = _distribute(graph, settings, processes, cache)
    optimizer = make_optimizer(
        settings.optimizer.uses,
        group_parameters(graph, settings.optimizer),
        settings.optimizer.with_,
    )
    return TrainingStep(
        graph=graph,
        model=model,
        optimizer=optimizer,
        precision=MixedPrecision(settings.precision, processes.device),
        settings=settings,
        processes=processes,
    )


def _distribute(
    graph: Graph, settings: TrainingSettings, processes: ProcessGroup, cache: CacheFolder | None
) -> nn.Module:
    """The graph on its device, as a module whose weights are the same in all processes."""
    if processes.size > 1 and settings.distributed == "fsdp":
        if cache is not None:
            raise TrainingError("values of frozen nodes are not kept where weights are sharded")
        shard_weights(
            graph, processes
        )  # before it is moved, since it may be too large for a device
    model = LossModel(graph.to(processes.device), cache)
    if processes.size == 1 or settings.distributed == "fsdp":
        return model
    return DistributedDataParallel(model, find_unused_parameters=settings.find_unused_parameters)


def clip_gradients(parameters: Sequence[nn.Parameter], limits: ClipSettings | None) -> float:
    """Clips gradients in place.

    Args:
        parameters: the parameters; those without a gradient are skipped.
        limits: the limits; none if None.

    Returns:
        The norm of all gradients before they were clipped.
    """
    limit = math.inf if limits is None or limits.norm is None else limits.norm
    norm = nn.utils.clip_grad_norm_(parameters, limit)
    if limits is not None and limits.value is not None:
        nn.utils.clip_grad_value_(parameters, limits.value)
    return float(whole(norm).item())


def _as_numbers(values: Mapping[str, Tensor]) -> dict[str, float]:
    """Tensors of one element as numbers, waiting for the device only once."""
    numbers = torch.stack([value.detach().float().reshape(()) for value in values.values()])
    return dict(zip(values, numbers.tolist(), strict=True))
