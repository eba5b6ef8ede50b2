"""Recomputes the statistics of batch normalizations over many batches with fixed weights.

The running statistics of a training lag behind its weights and are dominated by the last batches.
Wu and Johnson, "Rethinking 'Batch' in BatchNorm", section 3 (2021) call this PreciseBN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from composer.events import EventStorage
from composer.graph import Graph
from composer.training.batches import Batch
from composer.training.process_group import ProcessGroup
from composer.training.seeding import batch_seed, seed_generators
from composer.values import move


def find_training_norms(model: nn.Module) -> dict[str, _NormBase]:
    """The normalizations, by name, whose statistics a forward pass in training mode changes."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, _NormBase) and module.training and module.track_running_stats
    }


@torch.no_grad()
def recompute_norms(
    graph: Graph, batches: Iterable[Batch], *, seed: int, processes: ProcessGroup
) -> None:
    """Replaces running means and variances by those over all values of some batches.

    Weights, the other buffers and the mode stay as they are. Random numbers follow from the seed.

    Args:
        graph: the graph, in training mode.
        batches: the training batches of this process; the same number in all processes.
        seed: seed of what nodes draw.
        processes: the processes whose batches are put together.
    """
    norms = find_training_norms(graph)
    moments = {name: _Moments() for name in norms}
    with _kept_buffers(graph), _watched(norms, moments), EventStorage():
        for number, batch in enumerate(batches):
            own_seed = batch_seed(seed, number, processes.rank)
            seed_generators(own_seed)
            graph.run(move(batch, processes.device), mode="training", seed=own_seed)
    everywhere = processes.gather({name: found.as_values() for name, found in moments.items()})
    for name, norm in norms.items():
        _assign(norm, _Moments.join([found[name] for found in everywhere]))


@dataclass
class _Moments:
    """The number of values of each channel, and the sums of them and of their squares."""

    count: int = 0
    total: Tensor | float = 0.0
    squares: Tensor | float = 0.0

    def add(self, values: Tensor) -> None:
        """Adds an input `N C ...`; in double precision, since the sums become large."""
        channels_last = values.detach().transpose(0, 1).flatten(1)
        if channels_last.shape[1] == 0:  # no regions in this batch
            return
        variance, mean = torch.var_mean(channels_last.float(), dim=1, correction=0)
        variance, mean = variance.double().cpu(), mean.double().cpu()
        count = channels_last.shape[1]
        self.count += count
        self.total = self.total + mean * count
        self.squares = self.squares + (variance + mean.square()) * count

    def as_values(self) -> tuple[int, Tensor | float, Tensor | float]:
        """What another process needs."""
        return self.count, self.total, self.squares

    @classmethod
    def join(cls, parts: list[tuple[int, Tensor | float, Tensor | float]]) -> _Moments:
        """The moments over the values of all parts."""
        counts, totals, squares = zip(*parts, strict=True)
        return cls(sum(counts), sum(totals), sum(squares))


def _assign(norm: _NormBase, moments: _Moments) -> None:
    """Gives a normalization its statistics; one that saw no value keeps its own."""
    if moments.count == 0:
        return
    assert isinstance(norm.running_mean, Tensor)
    assert isinstance(norm.running_var, Tensor)
    mean = torch.as_tensor(moments.total) / moments.count
    variance = (torch.as_tensor(moments.squares) / moments.count - mean.square()).clamp(min=0)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)


@contextmanager
def _watched(norms: dict[str, _NormBase], moments: dict[str, _Moments]) -> Iterator[None]:
    """Adds the inputs of normalizations to their moments in the `with` block."""

    def watch(found: _Moments) -> Any:
        return lambda _module, inputs: found.add(inputs[0])

    handles = [norm.register_forward_pre_hook(watch(moments[name])) for name, norm in norms.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _kept_buffers(model: nn.Module) -> Iterator[None]:
    """Restores all buffers after the `with` block: a forward pass in training changes some."""
    kept = [
        (module, name, buffer, buffer.clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    try:
        yield
    finally:
        for module, name, buffer, values in kept:
            buffer.copy_(values)
            setattr(module, name, buffer)
