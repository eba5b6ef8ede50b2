"""Layers whose weights are laid out for the processor at their first call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

PRECISIONS = (torch.float32, torch.bfloat16)


class PackedModule(nn.Module, ABC):
    """A layer with a weight that is there in one layout: as it was given, or packed.

    Args:
        weight: the weight.
        bias: the bias; None for none.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.weight: nn.Parameter | None = nn.Parameter(weight.detach(), requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias.detach(), requires_grad=False)
        self._packed: Tensor | None = None
        self._lock = Lock()

    @abstractmethod
    def _pack(self, weight: Tensor, x: Tensor) -> Tensor:
        """Returns a weight as torch's operators for an input lay it out."""

    def find_weight(self) -> Tensor:
        """Returns the weight in torch's own layout."""
        weight, packed = self.weight, self._packed
        if weight is not None:
            return weight
        assert packed is not None
        return packed.to_dense()

    def find_packed(self, x: Tensor) -> Tensor:
        """Returns the weight as it is laid out for inputs like this one; the other one is freed."""
        if self._packed is None:
            with self._lock:  # a module may be called by several threads
                if self._packed is None:
                    assert self.weight is not None
                    with torch.inference_mode(False), torch.no_grad():
                        self._packed = self._pack(self.weight.detach(), x)
                    self.weight = None
        return self._packed

    def _is_packable(self, x: Tensor) -> bool:
        """Whether torch's operators take an input: on the CPU, of a type they have."""
        if torch.compiler.is_compiling() or torch._C._get_tracing_state() or type(x) is not Tensor:
            return False
        held = self.weight if self._packed is None else self._packed
        return (
            held is not None
            and x.device.type == "cpu"
            and x.dtype == held.dtype
            and x.dtype in PRECISIONS
            and x.numel() > 0
            and not (torch.is_grad_enabled() and x.requires_grad)
            and not torch.is_autocast_enabled("cpu")
        )

    def _unpack(self) -> None:
        with self._lock:
            if self.weight is None:
                self.weight = nn.Parameter(self.find_weight(), requires_grad=False)
            self._packed = None

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
        self._unpack()
        untyped: Any = super()
        applied: nn.Module = untyped._apply(fn, recurse)
        return applied

    def __getstate__(self) -> dict[str, Any]:
        parameters = dict(self._parameters)
        if parameters["weight"] is None:
            parameters["weight"] = nn.Parameter(self.find_weight(), requires_grad=False)
        return {**self.__dict__, "_parameters": parameters, "_packed": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        untyped: Any = super()
        untyped.__setstate__({**state, "_lock": Lock()})
