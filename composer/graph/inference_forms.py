"""The forms in which one run of an optimised graph calls its nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from composer.acceleration import EngineSets, OptimizedNodes
from composer.blueprint import Step
from composer.executor import Edits
from composer.structures import map_tensors
from composer.values import needs_gradients


class InferenceForms:
    """What one run calls: optimised nodes and engines, until an edit gives what needs gradients.

    Args:
        optimized: the optimised nodes.
        sets: the sets of nodes that engines run.
        callables: what nodes call, by path of the module.
    """

    def __init__(
        self,
        optimized: OptimizedNodes | None,
        sets: EngineSets | None,
        callables: Mapping[str, Callable[..., Any]],
    ) -> None:
        self._optimized, self._sets, self._callables = optimized, sets, callables
        self._needs_gradients = False

    def watch(self, edits: Edits) -> Edits:
        """Edits that are noticed where they give what needs gradients.

        They get values without: those of inference have none, or those of weights at most.
        """
        return {slot: self._watched(function) for slot, function in edits.items()}

    def choose(
        self, step: Step, function: Callable[..., Any], arguments: Mapping[str, Any]
    ) -> tuple[Callable[..., Any], Mapping[str, Any]]:
        """What a step calls, and with which arguments: see `composer.executor.Substitutes`."""
        if self._needs_gradients and step.members and self._sets is not None:
            function = self._sets.plain(step, self._callables)
        if self._optimized is None:
            return function, arguments
        if self._needs_gradients:
            return function, self._optimized.raised(arguments)
        return self._optimized.choose(step, function, arguments)

    def _watched(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(value: Any) -> Any:
            result = function(map_tensors(torch.Tensor.detach, value))
            self._needs_gradients = self._needs_gradients or needs_gradients(result)
            return result

        return call
