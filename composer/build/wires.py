"""Checks every wire's ends and types, and gives the wirings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from composer.build.blueprint import NodeDesign
from composer.node import accepts, describe_type, fields_of
from composer.node.port_matching import plain
from composer.plan import Call, Endpoint, InputPoint, Slot, Wiring
from composer.plan.wiring import WHOLE
from composer.spec.language import Mode
from composer.spec.network import Network, NetworkNode, Source, Wire
from composer.spec.problems import ProblemLog
from composer.spec.suggestion import did_you_mean

_MAX_CANDIDATES = 8


def wire_networks(
    networks: Mapping[Mode, Network],
    designs: Mapping[str, NodeDesign],
    input_types: Mapping[str, Any],
    log: ProblemLog,
) -> dict[Mode, Wiring]:
    """The wirings of all modes.

    Args:
        networks: the resolved networks.
        designs: the nodes without problems; wires from or to others are not checked.
        input_types: port types of the graph's inputs.
        log: takes missing and unknown inputs and ports, and types that do not fit.
    """
    return {
        mode: _Wirer(network, designs, input_types, log).wiring()
        for mode, network in networks.items()
    }


@dataclass
class _Wirer:
    network: Network
    designs: Mapping[str, NodeDesign]
    input_types: Mapping[str, Any]
    log: ProblemLog

    def wiring(self) -> Wiring:
        calls = {
            path: self.call(node, self.designs[path])
            for path, node in self.network.nodes.items()
            if path in self.designs
        }
        return Wiring(
            mode=self.network.mode,
            inputs={name: self.input_point(name) for name in self.network.inputs},
            calls=calls,
            outputs=self.endpoints(self.network.outputs),
            groups={path: self.endpoints(o) for path, o in self.network.groups.items()},
        )

    def input_point(self, name: str) -> InputPoint:
        kind = self.input_types[name]
        optional = self.network.inputs[name].optional
        return InputPoint(name, kind, fields_of(kind), optional, Slot(name, WHOLE))

    def endpoints(self, wires: Mapping[str, Wire]) -> dict[str, Endpoint]:
        found = {name: self.endpoint(wire) for name, wire in wires.items()}
        return {name: endpoint for name, endpoint in found.items() if endpoint is not None}

    def endpoint(self, wire: Wire) -> Endpoint | None:
        """The slots of a wire; None if one of them has a problem."""
        slots = [self.slot(source, wire) for source in wire.sources]
        if any(slot is None for slot in slots):
            return None
        return Endpoint(tuple(slot for slot in slots if slot is not None), wire.gathers)

    def slot(self, source: Source, wire: Wire) -> Slot | None:
        if source.path in self.network.inputs:
            return self.input_slot(source, wire)
        design = self.designs.get(source.path)
        if design is None:
            return None
        ports = design.contract.outputs
        if source.port is None:
            return Slot(source.path, design.contract.first_output)
        if source.port in ports:
            return Slot(source.path, source.port)
        hint = did_you_mean(source.port, ports, "its outputs")
        self.log.add(wire.place, f"'{source.path}' has no output '{source.port}'", hint)
        return None

    def input_slot(self, source: Source, wire: Wire) -> Slot | None:
        parts = fields_of(self.input_types[source.path])
        if source.port is None or source.port in parts:
            return Slot(source.path, source.port or WHOLE)
        kind = describe_type(self.input_types[source.path])
        hint = did_you_mean(source.port, parts, "its parts")
        message = f"the input '{source.path}' ({kind}) has no part '{source.port}'"
        self.log.add(wire.place, message, hint)
        return None

    def call(self, node: NetworkNode, design: NodeDesign) -> Call:
        ports = design.contract.inputs
        arguments: dict[str, Endpoint] = {}
        for name, wire in node.wires.items():
            if name not in ports:
                self.note_unknown(node, name, ports)
                continue
            endpoint = self.endpoint(wire)
            if endpoint is not None:
                arguments[name] = endpoint
                self.check_type(node, name, ports[name].type, wire, endpoint)
        for name, port in ports.items():
            if not port.optional and name not in node.wires:
                self.note_missing(node, name, port.type)
        contract = design.contract
        return Call(
            path=node.path,
            type_name=node.uses,
            label=design.label,
            arguments=arguments,
            outputs=contract.outputs,
            named_outputs=contract.named_outputs,
            draws=contract.draws,
            device=node.device,
            module_path=node.same_as or node.path,
        )

    def note_unknown(self, node: NetworkNode, name: str, ports: Mapping[str, Any]) -> None:
        place = node.wire_places.get(name, node.place)
        hint = did_you_mean(name, ports, "its inputs")
        self.log.add(place, f"node '{node.path}': {node.uses} has no input '{name}'", hint)

    def note_missing(self, node: NetworkNode, name: str, kind: Any) -> None:
        when = f" in {self.network.mode} mode" if name in node.wire_places else ""
        message = f"node '{node.path}': input '{name}' ({describe_type(kind)}) is not wired{when}"
        self.log.add(node.place, message, self.candidates(kind, node.path))

    def check_type(
        self, node: NetworkNode, name: str, wanted: Any, wire: Wire, endpoint: Endpoint
    ) -> None:
        if endpoint.gathers:
            element = _element(wanted)
            if element is None:
                kind = describe_type(wanted)
                message = f"node '{node.path}': input '{name}' wants {kind}, not a list of wires"
                self.log.add(wire.place, message)
                return
            wanted = element
        for slot, source in zip(endpoint.slots, wire.sources, strict=True):
            given = self.type_of(slot)
            if accepts(wanted, given):
                continue
            message = (
                f"node '{node.path}': input '{name}' wants {describe_type(wanted)}, "
                f"but '{source}' gives {describe_type(given)}."
            )
            self.log.add(wire.place, message, self.candidates(wanted, node.path))

    def type_of(self, slot: Slot) -> Any:
        if slot.path in self.designs:
            return self.designs[slot.path].contract.outputs[slot.port]
        kind = self.input_types[slot.path]
        return fields_of(kind)[slot.port] if slot.port else kind

    def candidates(self, wanted: Any, path: str) -> str:
        """A hint: which nodes of this mode give what is wanted."""
        found = [
            str(Slot(other, port)) if place else other
            for other in self.network.nodes
            if other in self.designs and other != path
            for place, (port, kind) in enumerate(self.designs[other].contract.outputs.items())
            if kind is not Any and wanted is not Any and accepts(wanted, kind)
        ]
        if not found:
            return f"No node gives {describe_type(wanted)}."
        more = ", ..." if len(found) > _MAX_CANDIDATES else ""
        listing = ", ".join(found[:_MAX_CANDIDATES]) + more
        return f"Nodes that give {describe_type(wanted)}: {listing}"


def _element(wanted: Any) -> Any | None:
    """The element type of a list type; None for any other type."""
    if wanted is Any:
        return Any
    bare = plain(wanted)
    if (get_origin(bare) or bare) not in (list, tuple):
        return None
    arguments = get_args(bare)
    return arguments[0] if arguments else Any
