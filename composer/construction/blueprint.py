"""A spec that was checked: what to build for each node, and how it is wired in each mode."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from composer.language import Mode, Spec
from composer.node import Contract
from composer.plan import Wiring


@dataclass(frozen=True)
class NodeDesign:
    """What a node is made of.

    Args:
        path: the node's path.
        uses: its node type, as written.
        label: node type and plugin with version, for messages.
        contract: what the node type says about itself.
        config: its checked configuration.
        shapes: values of its `<port>_shape` parameters.
        namespace: checkpoint key prefix, without the final dot.
        device: device by name, or None for the graph's.
        same_as: path of the node whose module it calls, or None.
    """

    path: str
    uses: str
    label: str
    contract: Contract
    config: Mapping[str, Any]
    shapes: Mapping[str, Any]
    namespace: str
    device: str | None
    same_as: str | None

    def instantiate(self) -> Any:
        """The node's module, or its function with the configuration bound.

        It gets a copy of the configuration: what it does to a list is not seen elsewhere.
        """
        arguments = copy.deepcopy({**self.config, **self.shapes})
        if self.contract.is_module:
            return self.contract.target(**arguments)
        return _Configured(self.contract.target, arguments) if arguments else self.contract.target


@dataclass(frozen=True)
class _Configured:
    """A function with its configuration; unlike a partial it prints well and pickles by name."""

    function: Any
    arguments: Mapping[str, Any]

    def __call__(self, **inputs: Any) -> Any:
        return self.function(**inputs, **self.arguments)


@dataclass(frozen=True)
class Blueprint:
    """A checked spec.

    Args:
        spec: the spec.
        designs: the nodes of both modes by path, in the order of the spec.
        wirings: the wiring of each mode.
        output_shapes: what is known of each node's (first) output, by path.
    """

    spec: Spec
    designs: Mapping[str, NodeDesign]
    wirings: Mapping[Mode, Wiring]
    output_shapes: Mapping[str, Any]
