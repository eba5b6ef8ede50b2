"""Modules of nodes without gradients of their own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from composer.module_tree import copy_without_held


class UnrecordedModules(Mapping[str, Callable[..., Any]]):
    """Copies of nodes' modules that share their weights, and for which no gradient is recorded.

    A copy is made when it is asked for. Neither what is frozen nor the state of the module changes:
    in training mode, a copy has statistics of its own. A module that cannot be copied is called
    itself; then gradients of its weights are recorded, and dropped.

    Args:
        callables: modules and functions by path.
    """

    def __init__(self, callables: Mapping[str, Callable[..., Any]]) -> None:
        self._callables = callables
        self._made: dict[str, Callable[..., Any]] = {}

    def __getitem__(self, path: str) -> Callable[..., Any]:
        if path not in self._made:
            found = self._callables[path]
            self._made[path] = _copy(found) if isinstance(found, nn.Module) else found
        return self._made[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._callables)

    def __len__(self) -> int:
        return len(self._callables)


def _copy(module: nn.Module) -> nn.Module:
    def substitute(tensor: Tensor) -> Tensor:
        shared = without_recording(tensor)
        if isinstance(tensor, nn.Parameter):
            return nn.Parameter(shared, requires_grad=False)
        return shared.clone() if module.training else shared

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of classes that do not expect to be copied
            return copy_without_held(module, substitute)
    except Exception:  # whatever a stranger's class makes of being copied
        return module


def without_recording(tensor: Tensor) -> Tensor:
    """The tensor without its history, in a form that gradients can be recorded for."""
    return tensor.clone() if tensor.is_inference() else tensor.detach()


def is_recordable(tensor: Tensor) -> bool:
    """Whether gradients can be recorded for a tensor: one of floating-point numbers."""
    return torch.is_floating_point(tensor) or tensor.is_complex()
