"""One step of the optimizer: losses, gradients, clipping, new weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.nn.parallel import DistributedDataParallel

from composer.errors import TrainingError
from composer.graph import Graph
from composer.training.batches import Batch
from composer.training.divergence import describe_divergence
from composer.training.losses import TOTAL, sum_losses
from composer.training.precision import MixedPrecision
from composer.training.seeding import batch_seed, seed_generators
from composer.training.settings import ClipSettings, TrainingSettings
from composer.training.sharding import whole
from composer.values import move

GRAD_NORM = "grad_norm"


class BatchPlace(NamedTuple):
    """Which iteration a batch belongs to, and its number among all batches; both from 0."""

    iteration: int
    batch: int


@dataclass(frozen=True)
class Learner:
    """What learns, and how.

    Args:
        graph: the graph.
        model: the graph as a module that gives losses, wrapped for several processes if need be.
        optimizer: the optimizer of its parameters.
        precision: the number types.
        settings: the settings of the training.
        device: where the model is.
        rank: number of this process.
    """

    graph: Graph
    model: nn.Module
    optimizer: torch.optim.Optimizer
    precision: MixedPrecision
    settings: TrainingSettings
    device: torch.device
    rank: int = 0

    def step(self, batches: Sequence[Batch], iteration: int) -> dict[str, float]:
        """Learns from batches whose gradients are averaged.

        Args:
            batches: the batches, as many as are accumulated.
            iteration: the iteration, from 0.

        Returns:
            The losses by name, their weighted sum `total_loss`, and `grad_norm`, the norm of all
            gradients before they are clipped.

        Raises:
            TrainingError: a loss or a gradient is not finite.
        """
        self.optimizer.zero_grad(set_to_none=True)
        parts: list[dict[str, float]] = []
        for number, batch in enumerate(batches):
            place = BatchPlace(iteration, iteration * len(batches) + number)
            with self._synchronised(is_last=number == len(batches) - 1):
                parts.append(self._learn(move(batch, self.device), place, len(batches)))
        values = {name: sum(part[name] for part in parts) / len(parts) for name in parts[0]}
        norm = self._update()
        if not math.isfinite(norm) and not self.precision.may_overflow:
            self._refuse(batches[-1], {**values, GRAD_NORM: norm}, place)
        return {**values, GRAD_NORM: norm}

    def _learn(self, batch: Batch, place: BatchPlace, num_batches: int) -> dict[str, float]:
        """Adds the gradients of one batch; its losses by name."""
        seed = batch_seed(self.settings.seed, place.batch, self.rank)
        seed_generators(seed)
        with self.precision.autocast():
            losses = self.model(batch, seed)
        total = sum_losses(losses, self.settings.loss_weights)
        values = _as_numbers({**losses, TOTAL: total})
        if not all(map(math.isfinite, values.values())):
            self._refuse(batch, values, place)
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

    def _refuse(self, batch: Batch, values: Mapping[str, float], place: BatchPlace) -> NoReturn:
        seed = batch_seed(self.settings.seed, place.batch, self.rank)
        raise TrainingError(
            describe_divergence(self.graph, batch, values, iteration=place.iteration + 1, seed=seed)
        )

    def _synchronised(self, *, is_last: bool) -> AbstractContextManager[Any]:
        """Processes exchange gradients once a step, after the last batch."""
        if isinstance(self.model, DistributedDataParallel) and not is_last:
            return self.model.no_sync()
        if isinstance(self.model, FSDPModule):
            self.model.set_requires_gradient_sync(is_last)
        return nullcontext()


def clip_gradients(parameters: Sequence[nn.Parameter], limits: ClipSettings | None) -> float:
    """Clips gradients in place.

    Args:
        parameters: the parameters; those without a gradient are passed over.
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
