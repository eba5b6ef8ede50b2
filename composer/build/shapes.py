"""Finds the shape of every output before anything runs, by building modules without memory.

Every module is built on torch's meta device, in the order of the graph. What a module says of its
`output_shape` is what the `<port>_shape` parameters below it receive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from composer.build.blueprint import NodeDesign
from composer.dag import order
from composer.node import accepts
from composer.plan import Endpoint, Slot, Wiring
from composer.spec.language import Mode
from composer.spec.network import Network
from composer.spec.places import Place
from composer.spec.problems import ProblemLog


@dataclass(frozen=True)
class ShapedNodes:
    """What propagation found.

    Args:
        designs: the designs with their shapes.
        output_shapes: the shape of each node's first output by path, where it is known.
    """

    designs: Mapping[str, NodeDesign]
    output_shapes: Mapping[str, Any]


@dataclass
class _Propagation:
    wirings: Mapping[Mode, Wiring]
    places: Mapping[str, Place]
    log: ProblemLog
    designs: dict[str, NodeDesign] = field(default_factory=dict)
    shapes: dict[str, Any] = field(default_factory=dict)
    modules: dict[str, Any] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def arguments(self, path: str) -> Mapping[str, Endpoint]:
        """A node's arguments, of inference where it exists there."""
        for mode in ("inference", "training"):
            wiring = self.wirings[mode]
            if path in wiring.calls:
                return wiring.calls[path].arguments
        return {}

    def visit(self, draft: NodeDesign) -> None:
        """Builds one node's module without memory and asks it for its output's shape."""
        arguments = self.arguments(draft.path)
        if any(s.path in self.failed for end in arguments.values() for s in end.slots):
            self.failed.add(draft.path)
            return
        shapes = self.shapes_wanted(draft, arguments)
        if shapes is None:
            self.failed.add(draft.path)
            return
        design = replace(draft, shapes=shapes)
        self.designs[draft.path] = design
        if draft.same_as is not None:
            self.check_same(design)
        elif design.contract.is_module:
            self.build(design)
        if draft.path not in self.failed:
            found = self.output_shape(design, arguments)
            if found is not None:
                self.shapes[draft.path] = found

    def shapes_wanted(
        self, draft: NodeDesign, arguments: Mapping[str, Endpoint]
    ) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        for parameter, port in draft.contract.shapes.items():
            endpoint = arguments.get(port)
            if endpoint is None:
                continue  # an optional port that is open; the parameter's default holds
            shapes = [self.shape_of(slot) for slot in endpoint.slots]
            for slot, shape in zip(endpoint.slots, shapes, strict=True):
                if shape is None:
                    self.note_unknown(draft, port, slot)
                    return None
            found[parameter] = shapes if endpoint.gathers else shapes[0]
        return found

    def note_unknown(self, draft: NodeDesign, port: str, slot: Slot) -> None:
        self.log.add(
            self.places[draft.path],
            f"node '{draft.path}': the shape of its input '{port}' is not known, "
            f"for '{slot}' does not say what it gives",
            "A module that changes shapes has a property 'output_shape'.",
        )

    def shape_of(self, slot: Slot) -> Any:
        return self.shapes.get(slot.path)

    def check_same(self, design: NodeDesign) -> None:
        """A module that is called twice must be given the same shapes both times."""
        assert design.same_as is not None
        original = self.designs.get(design.same_as)
        if original is None:
            self.failed.add(design.path)
            return
        for parameter, shape in design.shapes.items():
            first = original.shapes.get(parameter)
            if first != shape:
                self.log.add(
                    self.places[design.path],
                    f"node '{design.path}' calls '{design.same_as}' again, "
                    f"which was built for {parameter} {first}, with {shape}",
                )

    def build(self, design: NodeDesign) -> None:
        try:
            self.modules[design.path] = _without_memory(design)
        except Exception as error:
            self.failed.add(design.path)
            message = f"node '{design.path}' cannot be built: {type(error).__name__}: {error}"
            self.log.add(self.places[design.path], message)

    def output_shape(self, design: NodeDesign, arguments: Mapping[str, Endpoint]) -> Any:
        module = self.modules.get(design.same_as or design.path)
        declared = getattr(module, "output_shape", None)
        if declared is not None:
            return declared() if callable(declared) else declared
        return self.passed_on(design, arguments)

    def passed_on(self, design: NodeDesign, arguments: Mapping[str, Endpoint]) -> Any:
        """The shape of the only input that has the output's type: such a node keeps shapes."""
        output = design.contract.outputs[design.contract.first_output]
        same = [
            port
            for port, declared in design.contract.inputs.items()
            if port in arguments and declared.type is not Any and output is not Any
            if accepts(declared.type, output) and accepts(output, declared.type)
        ]
        if len(same) != 1 or arguments[same[0]].gathers:
            return None
        return self.shape_of(arguments[same[0]].slots[0])


def propagate_shapes(
    networks: Mapping[Mode, Network],
    wirings: Mapping[Mode, Wiring],
    drafts: Mapping[str, NodeDesign],
    log: ProblemLog,
) -> ShapedNodes:
    """Fills in the designs' shapes.

    Args:
        networks: the networks, for the places of nodes.
        wirings: the checked wirings.
        drafts: the designs without shapes.
        log: takes shapes that are unknown or do not fit, and modules that cannot be built.
    """
    places = {
        path: node.place for network in networks.values() for path, node in network.nodes.items()
    }
    propagation = _Propagation(wirings, places, log)
    for path in _in_order(wirings, drafts):
        propagation.visit(drafts[path])
    designs = {path: propagation.designs[path] for path in drafts if path in propagation.designs}
    return ShapedNodes(designs, propagation.shapes)


def _in_order(wirings: Mapping[Mode, Wiring], drafts: Mapping[str, NodeDesign]) -> list[str]:
    """The nodes of both modes, each after those it gets its shapes from."""
    ordered: list[str] = []
    for mode in ("inference", "training"):
        wiring = wirings[mode]
        graph = wiring.dependencies.copy()
        for path, draft in drafts.items():
            if draft.same_as is not None and path in graph and draft.same_as in graph:
                graph.add_edge(draft.same_as, path)
        found = order(graph, set(graph), wiring.rank)
        ordered += [v for v in found if isinstance(v, str) and v not in ordered]
    return ordered


def _without_memory(design: NodeDesign) -> nn.Module:
    """The module on the meta device, or on the CPU if its constructor needs real numbers."""
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return design.instantiate()
        except (NotImplementedError, RuntimeError):
            return design.instantiate()
