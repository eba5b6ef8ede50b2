"""Infers the shape of every output before anything runs, by building modules on the meta device.

Every module is built on torch's meta device, in the order of the graph. What a module says of its
`output_shape` is what the `<port>_shape` parameters below it receive.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from types import NoneType
from typing import Any, NamedTuple

import networkx as nx
from torch import nn

from composer.blueprint import Blueprint, Endpoint, Node, Slot
from composer.construction.building_errors import note_giant, note_unbuilt
from composer.construction.modules import (
    count_bytes,
    draw_on_meta,
    instantiate,
    restored_generator,
)
from composer.dag import find_cycles, order
from composer.documents import ProblemLog
from composer.escapes import describe_error
from composer.limits import format_bytes
from composer.structures import TensorShape

_BYTES = 4  # of a number
_MAX_BYTES = 2**28  # of one region; a mask head's has 200 kB
_SIDE = 1024  # pixels of an image whose feature maps are reckoned
_MAX_MAP_BYTES = 2**36  # of one such map; a pyramid's largest has 70 MB


class _Built(NamedTuple):
    """A module, and what is asked of it for each of the nodes that are built alike.

    Attributes:
        module: the module, on the meta device.
        num_bytes: bytes of its weights.
        width: the most channels that one of its convolutions makes; 0 without any.
        declared: its `output_shape` as the class has it: a value, a method or a property; or None.
    """

    module: nn.Module
    num_bytes: int
    width: int
    declared: Any


@dataclass
class _Propagation:
    blueprint: Blueprint
    log: ProblemLog
    failed: set[str]
    nodes: dict[str, Node] = field(default_factory=dict)
    shapes: dict[str, Any] = field(default_factory=dict)
    modules: dict[str, _Built] = field(default_factory=dict)
    built: dict[Hashable, _Built] = field(default_factory=dict)

    def visit(self, draft: Node) -> None:
        """Builds one node's module on the meta device and reads its output's shape."""
        arguments = _shaping_arguments(draft)
        needed = {slot.path for endpoint in arguments.values() for slot in endpoint.slots}
        needed |= set() if draft.same_as is None else {draft.same_as}
        shapes = self.shapes_wanted(draft, arguments) if self.failed.isdisjoint(needed) else None
        if draft.path in self.failed or shapes is None:
            self.failed.add(draft.path)
            return
        node = self.nodes[draft.path] = draft.changed(shapes=shapes) if shapes else draft
        if draft.same_as is not None:
            self.check_same(node, self.nodes[draft.same_as])
        elif node.is_module:
            self.build(node)
            if node.path in self.modules:
                self.check_inside(node, self.modules[node.path])
        if draft.path not in self.failed:
            found = self.output_shape(node, arguments)
            if found is not None:
                self.check_size(node, found)
                self.shapes[draft.path] = found

    def shapes_wanted(
        self, draft: Node, arguments: Mapping[str, Endpoint]
    ) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        for parameter, port in _shape_ports(draft).items():
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

    def note_unknown(self, draft: Node, port: str, slot: Slot) -> None:
        why, hint = f"'{slot}' declares no output shape", "Only first outputs have shapes."
        if slot.path in self.blueprint.inputs["inference"]:
            why = f"'{slot}' is an input of the graph"
            hint = "Wire it to a node that declares its output shape."
        elif self.is_first(slot):
            hint = "A module that changes shapes has a property 'output_shape'."
        message = f"node '{draft.path}': the shape of its input '{port}' is not known, for {why}"
        self.log.add(draft.place, message, hint)

    def is_first(self, slot: Slot) -> bool:
        """Whether a slot is the first output of its node, the one whose shape is known."""
        node = self.blueprint.nodes.get(slot.path)
        return node is not None and node.slots[0] == slot

    def shape_of(self, slot: Slot) -> Any:
        return self.shapes.get(slot.path) if self.is_first(slot) else None

    def check_same(self, node: Node, original: Node) -> None:
        """A module that is called twice must be given the same shapes both times."""
        for parameter, shape in node.shapes.items():
            first = original.shapes.get(parameter)
            if first != shape:
                self.log.add(
                    node.place,
                    f"node '{node.path}' calls '{original.path}' again, "
                    f"which was built for {_describe_shape(first)}, with {_describe_shape(shape)}",
                )

    def check_modes(self, node: Node) -> None:
        """A node must be given the same shapes in both modes."""
        for mode, arguments in node.arguments.items():
            for parameter, port in _shape_ports(node).items():
                endpoint = arguments.get(port)
                if endpoint is None:
                    continue
                shapes = [self.shape_of(slot) for slot in endpoint.slots]
                given = shapes if endpoint.gathers else shapes[0]
                if None not in shapes and given != node.shapes.get(parameter):
                    self.log.add(
                        node.place,
                        f"node '{node.path}' was built for input '{port}' with "
                        f"{_describe_shape(node.shapes.get(parameter))}, "
                        f"but in {mode} mode it gets {_describe_shape(given)}",
                    )

    def build(self, node: Node) -> None:
        """Builds a node's module; nodes that are built from the same values share one here."""
        key = (id(node.contract), id(node.config), _as_key(node.shapes))
        try:
            if key not in self.built:
                self.built[key] = _measure(draw_on_meta(lambda: instantiate(node)))
        except (Exception, SystemExit) as error:
            self.failed.add(node.path)
            note_unbuilt(node, error, self.log)
        else:
            self.modules[node.path] = self.built[key]

    def output_shape(self, node: Node, arguments: Mapping[str, Endpoint]) -> Any:
        built = self.modules.get(node.same_as or node.path)
        if built is None or built.declared is None:
            return self.passed_on(node, arguments)
        declared: Any = built.declared
        try:
            declared = declared.__get__(built.module) if hasattr(declared, "__get__") else declared
            return declared() if callable(declared) else declared
        except (Exception, SystemExit) as error:
            self.failed.add(node.path)
            reason = describe_error(error)
            message = f"node '{node.path}' cannot tell its output_shape: {reason}"
            self.log.add(node.place, message)
            return None

    def check_size(self, node: Node, shape: Any) -> None:
        """Notes an output one region or feature map of which is larger than any model's."""
        for each in _list_shapes(shape):
            self.check_map(node, each, each.channels or 1, "of its output")

    def check_inside(self, node: Node, built: _Built) -> None:
        """Notes convolutions whose feature maps are larger than any model's."""
        for shape in _list_shapes(node.shapes):
            self.check_map(node, shape, built.width, "within it")

    def check_map(self, node: Node, shape: TensorShape, channels: int, where: str) -> None:
        """Notes so many channels of a shape that no machine could hold them."""
        if node.path in self.failed:
            return
        if shape.height is not None or shape.width is not None or not shape.stride:
            cells, most = prod((shape.height or 1, shape.width or 1)), _MAX_BYTES
            what = f"one region {where}"
        else:
            cells, most = (_SIDE // shape.stride) ** 2, _MAX_MAP_BYTES
            what = f"a feature map {where}, for an image of {_SIDE} x {_SIDE} pixels,"
        needed = _BYTES * channels * cells
        if needed > most:
            self.failed.add(node.path)
            note_giant(node, f"{what} would take {format_bytes(needed)}", self.log)

    def passed_on(self, node: Node, arguments: Mapping[str, Endpoint]) -> Any:
        """The shape of the only input that has the output's type: such a node keeps shapes."""
        port = None if node.contract is None else node.contract.find_passing_port(arguments)
        if port is None or arguments[port].gathers:
            return None
        return self.shape_of(arguments[port].slots[0])


def propagate_shapes(
    blueprint: Blueprint, incomplete: Collection[str], log: ProblemLog
) -> tuple[Blueprint, dict[str, nn.Module]]:
    """Fills in the shapes of nodes.

    Args:
        blueprint: the wired nodes.
        incomplete: nodes with problems; nothing is said of them and of what needs them.
        log: takes shapes that are unknown or do not fit, and modules that cannot be built.

    Returns:
        The blueprint with the shapes of the nodes that have no problem; and the modules that were
        built on the meta device, by path.
    """
    ordered = _order_by_shapes(blueprint, log)
    nodes = blueprint.nodes
    failed = {*incomplete, *(nodes.keys() - set(ordered))}
    failed |= {
        n.same_as for n in nodes.values() if n.same_as is not None and n.same_as not in nodes
    }
    propagation = _Propagation(blueprint, log, failed)
    with restored_generator():
        for path in ordered:
            propagation.visit(nodes[path])
    for node in propagation.nodes.values():
        if node.path not in propagation.failed:
            propagation.check_modes(node)
    shaped = {path: propagation.nodes[path] for path in nodes if path in propagation.nodes}
    found = replace(
        blueprint,
        nodes=shaped,
        output_shapes=propagation.shapes,
        weight_bytes={path: built.num_bytes for path, built in propagation.modules.items()},
    )
    return found, {path: built.module for path, built in propagation.modules.items()}


def _measure(module: nn.Module) -> _Built:
    widths = [weight.shape[0] for weight in module.parameters() if weight.dim() == 4]
    # Not getattr: a module turns an AttributeError inside a property into another one.
    declared = inspect.getattr_static(module, "output_shape", None)
    return _Built(module, count_bytes(module), max(widths, default=0), declared)


def _list_shapes(value: Any) -> list[TensorShape]:
    """The shapes in a value: itself, or those of a mapping or list of levels."""
    if isinstance(value, TensorShape):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value
    if not isinstance(inner, (list, tuple)) and not isinstance(value, Mapping):
        return []
    return [shape for each in inner for shape in _list_shapes(each)]


def _shape_ports(node: Node) -> Mapping[str, str]:
    """For each `<port>_shape` parameter of a node, the port."""
    return {} if node.contract is None else node.contract.shapes


def _as_key(shape: Any) -> Hashable:
    """A value that is equal for equal shapes; for what cannot be compared, the object itself."""
    if isinstance(shape, Mapping):
        return tuple([(name, _as_key(part)) for name, part in shape.items()])
    if isinstance(shape, (list, tuple)):
        return tuple([_as_key(part) for part in shape])
    return shape if isinstance(shape, (TensorShape, int, str, NoneType)) else id(shape)


def _order_by_shapes(blueprint: Blueprint, log: ProblemLog) -> list[str]:
    """The nodes of both modes in order, without those that are in a cycle.

    Args:
        blueprint: the wired nodes.
        log: takes the cycles that only `same_as` closes; others have been noted as such.
    """
    graph = _shape_needs(blueprint.nodes)
    while cycles := find_cycles(graph):
        for cycle in cycles:
            _note_cycle(cycle, blueprint.nodes, log)
            graph.remove_nodes_from(cycle)
    rank = {path: index for index, path in enumerate(blueprint.nodes)}
    return order(graph, set(graph), rank)


def _shaping_arguments(node: Node) -> Mapping[str, Endpoint]:
    """The arguments that a node takes its shapes from: those of inference where it exists there."""
    return node.arguments.get("inference", node.arguments.get("training", {}))


def _shape_needs(nodes: Mapping[str, Node]) -> nx.DiGraph[str]:
    """The nodes of both modes; edges go from those that shapes come from."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(nodes)
    for path, node in nodes.items():
        slots = [slot for end in _shaping_arguments(node).values() for slot in end.slots]
        needed = [slot.path for slot in slots] + ([] if node.same_as is None else [node.same_as])
        graph.add_edges_from([(before, path) for before in needed if before in nodes])
    return graph


def _note_cycle(cycle: Sequence[str], nodes: Mapping[str, Node], log: ProblemLog) -> None:
    members = frozenset(cycle)
    for path in cycle:
        original = nodes[path].same_as
        if original in members:
            message = f"node '{path}' calls '{original}' again, which needs what '{path}' returns"
            hint = f"Let '{path}' have the 'uses', and '{original}' the 'same_as'."
            log.add(nodes[path].place, message, hint)


def _describe_shape(shape: object) -> str:
    """A shape in words, as far as it is known: `256 channels, stride 16`."""
    if isinstance(shape, Mapping):
        return "; ".join(f"{name}: {_describe_shape(part)}" for name, part in shape.items())
    if isinstance(shape, list):
        return "; ".join(_describe_shape(part) for part in shape)
    if not isinstance(shape, TensorShape):
        return "an open shape" if shape is None else str(shape)
    known = [] if shape.channels is None else [f"{shape.channels} channels"]
    others = {"height": shape.height, "width": shape.width, "stride": shape.stride}
    known += [f"{name} {size}" for name, size in others.items() if size is not None]
    return ", ".join(known) or "an open shape"
