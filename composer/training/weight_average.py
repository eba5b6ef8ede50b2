"""A running average of a model's weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from composer.training.buffers import persistent_buffers
from composer.training.sharding import own_part


class WeightAverage:
    """The exponential moving average of all weights and statistics (Polyak and Juditsky 1992).

    At the beginning, the decay is lower: after n updates it
    is at most (1 + n) / (10 + n).

    Args:
        model: the model.
        decay: the weight of the past at each update.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._model, self.decay, self.num_updates = model, decay, 0
        self._average = {name: tensor.clone() for name, tensor in self._live().items()}

    @torch.no_grad()
    def begin(self) -> None:
        """Restarts from the current weights."""
        for name, tensor in self._live().items():
            self._average[name].copy_(tensor)
        self.num_updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Updates the average with the current weights."""
        decay = min(self.decay, (1 + self.num_updates) / (10 + self.num_updates))
        live = self._live()
        averages = [self._average[name] for name in live]
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        average(averages, list(live.values()), self.num_updates)
        self.num_updates += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averaged weights inside the `with` block."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for name, live in self._live().items():
            average = self._average[name]
            kept = live.clone()
            live.copy_(average)
            average.copy_(kept)

    def _live(self) -> dict[str, Tensor]:
        """The trainable weights and the floating-point statistics, as this process has them."""
        weights = {
            name: own_part(parameter.detach())
            for name, parameter in self._model.named_parameters()
            if parameter.requires_grad
        }
        statistics = {
            name: buffer
            for name, buffer in persistent_buffers(self._model).items()
            if buffer.is_floating_point()
        }
        return weights | statistics
