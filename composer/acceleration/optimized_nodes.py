"""The nodes of a graph that inference runs in another form."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from composer.acceleration.optimized_node import OptimizedNode
from composer.acceleration.precision import PRECISIONS, cast_up
from composer.acceleration.read_optimization import read_optimization
from composer.blueprint import Blueprint, Step
from composer.errors import ContractError, InputError


@dataclass(frozen=True)
class OptimizedNodes:
    """What inference calls in place of the modules of some nodes.

    Args:
        precision: the precision of the nodes that may have a lower one.
        nodes: the nodes that are changed, by path.
    """

    precision: str
    nodes: Mapping[str, OptimizedNode] = field(default_factory=dict)

    def choose(
        self, step: Step, function: Callable[..., Any], arguments: Mapping[str, Any]
    ) -> tuple[Callable[..., Any], Mapping[str, Any]]:
        """What a step calls, and with which arguments.

        A node that is tapped calls its own module. One that is not in a lower precision gets
        float32 from those that are, as do engines, whose sets may be called as their only node.

        Args:
            step: the step.
            function: the module or function of its node.
            arguments: by input port.
        """
        node = None if step.members else self.nodes.get(step.node.path)
        if node is not None and not step.taps:
            found = node.find_module(function)
            if found is not None:
                takes_any = node.is_lowered or node.optimization.any_precision
                given = arguments if takes_any else self.raised(arguments)
                return partial(_call, node, found), given
        return function, self.raised(arguments)

    def raised(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Arguments as a module of the source takes them, in float32."""
        return arguments if self.precision == "float32" else cast_up(dict(arguments))

    def of(self, paths: Collection[str]) -> OptimizedNodes:
        """Those of some nodes."""
        kept = {path: node for path, node in self.nodes.items() if path in paths}
        return OptimizedNodes(self.precision, kept)


def _call(node: OptimizedNode, function: Callable[..., Any], /, **arguments: Any) -> Any:
    return node.call(function, arguments)


def optimize_nodes(
    blueprint: Blueprint, precision: str, paths: Collection[str] | None = None
) -> OptimizedNodes:
    """The nodes of inference that can be folded, laid out otherwise or lowered.

    Args:
        blueprint: the checked spec.
        precision: `float32` or `bfloat16`.
        paths: the nodes to change; all that can be by default.

    Raises:
        InputError: there is no such precision.
        ContractError: a node type says something impossible of itself.
    """
    if precision not in PRECISIONS:
        known = " or ".join(PRECISIONS)
        raise InputError(f"a precision of PyTorch is {known}, not '{precision}'")
    dtype: torch.dtype = PRECISIONS[precision]
    found: dict[str, OptimizedNode] = {}
    shared: dict[str, OptimizedNode] = {}
    for path, node in blueprint.nodes.items():
        if "inference" not in node.arguments or node.contract is None:
            continue
        if paths is not None and path not in paths:
            continue
        try:
            said = read_optimization(node.contract)
        except ContractError as error:
            raise ContractError(f"node '{path}' ({node.label}): {error}") from error
        if said is None:
            continue
        if node.module_path not in shared:  # nodes of `same_as` share the copy, too
            outputs = tuple(node.outputs)
            shared[node.module_path] = OptimizedNode(node.module_path, said, dtype, outputs)
        found[path] = shared[node.module_path]
    return OptimizedNodes(precision, found)
