"""Finds the shape of every output before anything runs, by building modules without memory.

Every module is built on torch's meta device, in the order of the graph. What a module says of its
`output_shape` is what the `<port>_shape` parameters below it receive.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from composer.blueprint import Network
from composer.construction.blueprint import NodeDesign
from composer.construction.meta_build import build_on_meta
from composer.construction.shape_order import order_by_shapes, shaping_arguments
from composer.construction.shape_text import describe_shape
from composer.documents import Place, ProblemLog
from composer.language import Mode
from composer.plan import Endpoint, Slot, Wiring


@dataclass(frozen=True)
class ShapedNodes:
    """What propagation found.

    Args:
        designs: the designs with their shapes.
        output_shapes: the shape of each node's first output by path, where it is known.
        modules: the modules that were built without memory, by path.
    """

    designs: Mapping[str, NodeDesign]
    output_shapes: Mapping[str, Any]
    modules: Mapping[str, nn.Module]


@dataclass
class _Propagation:
    wirings: Mapping[Mode, Wiring]
    places: Mapping[str, Place]
    log: ProblemLog
    failed: set[str]
    designs: dict[str, NodeDesign] = field(default_factory=dict)
    shapes: dict[str, Any] = field(default_factory=dict)
    modules: dict[str, nn.Module] = field(default_factory=dict)

    def visit(self, draft: NodeDesign) -> None:
        """Builds one node's module without memory and asks it for its output's shape."""
        arguments = shaping_arguments(self.wirings, draft.path)
        needed = {slot.path for endpoint in arguments.values() for slot in endpoint.slots}
        needed |= set() if draft.same_as is None else {draft.same_as}
        shapes = self.shapes_wanted(draft, arguments) if self.failed.isdisjoint(needed) else None
        if draft.path in self.failed or shapes is None:
            self.failed.add(draft.path)
            return
        design = replace(draft, shapes=shapes)
        self.designs[draft.path] = design
        if draft.same_as is not None:
            self.check_same(design, self.designs[draft.same_as])
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
        why, hint = f"'{slot}' does not say what it gives", "Only first outputs tell their shape."
        if any(slot in wiring.input_types for wiring in self.wirings.values()):
            why = f"'{slot}' is an input of the graph"
            hint = "Wire it to a node that tells the shape of what it gives."
        elif self.is_first(slot):
            hint = "A module that changes shapes has a property 'output_shape'."
        message = f"node '{draft.path}': the shape of its input '{port}' is not known, for {why}"
        self.log.add(self.places[draft.path], message, hint)

    def is_first(self, slot: Slot) -> bool:
        """Whether a slot is the first output of its node, the one whose shape is known."""
        calls = [wiring.calls.get(slot.path) for wiring in self.wirings.values()]
        return any(call is not None and call.slots[0] == slot for call in calls)

    def shape_of(self, slot: Slot) -> Any:
        return self.shapes.get(slot.path) if self.is_first(slot) else None

    def check_same(self, design: NodeDesign, original: NodeDesign) -> None:
        """A module that is called twice must be given the same shapes both times."""
        for parameter, shape in design.shapes.items():
            first = original.shapes.get(parameter)
            if first != shape:
                self.log.add(
                    self.places[design.path],
                    f"node '{design.path}' calls '{original.path}' again, "
                    f"which was built for {describe_shape(first)}, with {describe_shape(shape)}",
                )

    def check_modes(self, design: NodeDesign) -> None:
        """A node must be given the same shapes in both modes."""
        for mode, wiring in self.wirings.items():
            call = wiring.calls.get(design.path)
            for parameter, port in design.contract.shapes.items():
                endpoint = None if call is None else call.arguments.get(port)
                if endpoint is None:
                    continue
                shapes = [self.shape_of(slot) for slot in endpoint.slots]
                given = shapes if endpoint.gathers else shapes[0]
                if None not in shapes and given != design.shapes.get(parameter):
                    self.log.add(
                        self.places[design.path],
                        f"node '{design.path}' was built for input '{port}' with "
                        f"{describe_shape(design.shapes.get(parameter))}, "
                        f"but in {mode} mode it gets {describe_shape(given)}",
                    )

    def build(self, design: NodeDesign) -> None:
        try:
            self.modules[design.path] = build_on_meta(design.instantiate)
        except Exception as error:
            self.failed.add(design.path)
            message = f"node '{design.path}' cannot be built: {type(error).__name__}: {error}"
            self.log.add(self.places[design.path], message)

    def output_shape(self, design: NodeDesign, arguments: Mapping[str, Endpoint]) -> Any:
        module = self.modules.get(design.same_as or design.path)
        declared = inspect.getattr_static(module, "output_shape", None)
        if declared is None:
            return self.passed_on(design, arguments)
        try:
            # Not getattr: a module turns an AttributeError inside a property into another one.
            declared = declared.__get__(module) if hasattr(declared, "__get__") else declared
            return declared() if callable(declared) else declared
        except Exception as error:
            self.failed.add(design.path)
            reason = f"{type(error).__name__}: {error}"
            message = f"node '{design.path}' cannot tell its output_shape: {reason}"
            self.log.add(self.places[design.path], message)
            return None

    def passed_on(self, design: NodeDesign, arguments: Mapping[str, Endpoint]) -> Any:
        """The shape of the only input that has the output's type: such a node keeps shapes."""
        port = design.contract.find_passing_port(arguments)
        if port is None or arguments[port].gathers:
            return None
        return self.shape_of(arguments[port].slots[0])


def propagate_shapes(
    networks: Mapping[Mode, Network],
    wirings: Mapping[Mode, Wiring],
    drafts: Mapping[str, NodeDesign],
    log: ProblemLog,
    incomplete: Collection[str] = (),
) -> ShapedNodes:
    """Fills in the designs' shapes.

    Args:
        networks: the networks, for the places of nodes.
        wirings: the checked wirings.
        drafts: the designs without shapes.
        log: takes shapes that are unknown or do not fit, and modules that cannot be built.
        incomplete: nodes with problems; nothing is said of them and of what needs them.
    """
    nodes = {path: node for network in networks.values() for path, node in network.nodes.items()}
    places = {path: node.place for path, node in nodes.items()}
    failed = {*incomplete, *(path for path in nodes if path not in drafts)}
    ordered = order_by_shapes(wirings, drafts, places, log)
    failed |= drafts.keys() - set(ordered)
    propagation = _Propagation(wirings, places, log, failed)
    for path in ordered:
        propagation.visit(drafts[path])
    for design in propagation.designs.values():
        if design.path not in propagation.failed:
            propagation.check_modes(design)
    designs = {path: propagation.designs[path] for path in drafts if path in propagation.designs}
    return ShapedNodes(designs, propagation.shapes, propagation.modules)
