"""Mixed precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from composer.training.settings import Precision

_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class MixedPrecision:
    """Runs forward passes in fewer bits where that is safe (Micikevicius et al. 2018).

    Weights, losses and steps stay in 32 bits. For float16, gradients are scaled so that small ones
    do not vanish; a step whose gradients overflow is left out.

    Args:
        precision: the type of the forward pass.
        device: where the model is.
    """

    def __init__(self, precision: Precision, device: torch.device) -> None:
        self._type, self._device = _TYPES.get(precision), device
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision == "float16")

    def autocast(self) -> AbstractContextManager[Any]:
        """A context for the forward pass."""
        if self._type is None:
            return nullcontext()
        return torch.amp.autocast(self._device.type, dtype=self._type)

    def backward(self, loss: Tensor) -> None:
        """Adds the gradients of a loss, scaled."""
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    @property
    def may_overflow(self) -> bool:
        """Whether gradients that are not finite are normal: their step is left out."""
        return self.scaler.is_enabled()

    def state_dict(self) -> dict[str, Any]:
        """The state of the gradient scaler."""
        return self.scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a saved state; without one (another precision), scaling starts anew."""
        if self.scaler.is_enabled() and state:
            self.scaler.load_state_dict(state)
