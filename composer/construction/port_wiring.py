"""Checks every wire's ends and types, and returns the wirings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from composer.blueprint import Network, NetworkNode, Source, Wire
from composer.construction.blueprint import NodeDesign
from composer.construction.port_binding import PortBinding, Use, element_type, order_nodes
from composer.documents import ProblemLog
from composer.language import Mode
from composer.names import did_you_mean
from composer.node import (
    InputPort,
    accepts,
    describe_type,
    fields_of,
    find_variables,
    resolve,
)
from composer.plan import Call, Endpoint, InputPoint, Slot, Wiring
from composer.plan.wiring import WHOLE

_MAX_CANDIDATES = 8


class WiredNetworks(NamedTuple):
    """The wirings of all modes.

    Args:
        wirings: the wirings.
        incomplete: paths of the nodes that had a problem with one of their wires.
    """

    wirings: dict[Mode, Wiring]
    incomplete: set[str]


def wire_networks(
    networks: Mapping[Mode, Network],
    designs: Mapping[str, NodeDesign],
    input_types: Mapping[str, Any],
    log: ProblemLog,
) -> WiredNetworks:
    """Checks the wires of all modes.

    Args:
        networks: the resolved networks.
        designs: the nodes without problems; wires from or to others are not checked.
        input_types: port types of the graph's inputs.
        log: takes missing and unknown inputs and ports, and types that do not fit.
    """
    wirers = [_Wirer(network, designs, input_types, log) for network in networks.values()]
    wirings = {wirer.network.mode: wirer.wiring() for wirer in wirers}
    return WiredNetworks(wirings, {path for wirer in wirers for path in wirer.incomplete})


@dataclass
class _Wirer:
    network: Network
    designs: Mapping[str, NodeDesign]
    input_types: Mapping[str, Any]
    log: ProblemLog
    incomplete: set[str] = field(default_factory=set)
    outputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.outputs |= {path: design.contract.outputs for path, design in self.designs.items()}
        for path in order_nodes(self.network):
            if path in self.designs:
                self.outputs[path] = self.bound_outputs(self.network.nodes[path])

    def bound_outputs(self, node: NetworkNode) -> Mapping[str, Any]:
        """The types of a node's outputs, with the variables that its inputs bind replaced."""
        contract = self.designs[node.path].contract
        if not any(map(find_variables, contract.outputs.values())):
            return contract.outputs
        binding = PortBinding()
        for name, wire in node.wires.items():
            endpoint = self.endpoint(wire)
            if name in contract.inputs and endpoint is not None:
                for use in self.uses(contract.inputs[name], wire, endpoint):
                    binding.add(use)
        return {port: resolve(kind, binding.types) for port, kind in contract.outputs.items()}

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
        """The slots of a wire; None if a problem was noted about one of them."""
        slots = [self.slot(source) for source in wire.sources]
        found = tuple(slot for slot in slots if slot is not None)
        return Endpoint(found, wire.gathers) if found and len(found) == len(slots) else None

    def slot(self, source: Source) -> Slot | None:
        if source.path in self.network.inputs:
            return self.input_slot(source)
        design = self.designs.get(source.path)
        if design is None:
            return None
        ports = design.contract.outputs
        if source.port is None:
            return Slot(source.path, design.contract.first_output)
        if source.port in ports:
            return Slot(source.path, source.port)
        hint = did_you_mean(source.port, ports, "outputs")
        message = f"'{source.path}' has no output '{source.port}'"
        self.log.add(source.place, message, hint, source.origin)
        return None

    def input_slot(self, source: Source) -> Slot | None:
        parts = fields_of(self.input_types[source.path])
        if source.port is None or source.port in parts:
            return Slot(source.path, source.port or WHOLE)
        kind = describe_type(self.input_types[source.path])
        hint = did_you_mean(source.port, parts, "parts")
        message = f"the input '{source.path}' ({kind}) has no part '{source.port}'"
        self.log.add(source.place, message, hint, source.origin)
        return None

    def call(self, node: NetworkNode, design: NodeDesign) -> Call:
        contract = design.contract
        return Call(
            path=node.path,
            type_name=node.uses,
            label=design.label,
            arguments=self.arguments(node, contract.inputs),
            outputs=self.outputs[node.path],
            named_outputs=contract.named_outputs,
            draws=contract.draws,
            device=node.device,
            module_path=node.same_as or node.path,
        )

    def arguments(self, node: NetworkNode, ports: Mapping[str, InputPort]) -> dict[str, Endpoint]:
        """The wired ports, without those that have a problem."""
        found: dict[str, Endpoint] = {}
        binding = PortBinding()
        for name, wire in node.wires.items():
            endpoint = self.endpoint(wire)
            if name not in ports:
                self.note_unknown(node, name, ports)
            elif endpoint is None or not self.fits(node, ports[name], wire, endpoint, binding):
                self.incomplete.add(node.path)
            else:
                found[name] = endpoint
        for name, port in ports.items():
            if not port.optional and name not in node.wires:
                self.note_missing(node, port)
        return found

    def note_unknown(self, node: NetworkNode, name: str, ports: Mapping[str, InputPort]) -> None:
        place = node.wire_places.get(name, node.place)
        hint = did_you_mean(name, ports, "inputs")
        self.log.add(place, f"node '{node.path}': {node.uses} has no input '{name}'", hint)

    def note_missing(self, node: NetworkNode, port: InputPort) -> None:
        when = f" in {self.network.mode} mode" if port.name in node.wire_places else ""
        kind = describe_type(port.type)
        message = f"node '{node.path}': input '{port.name}' ({kind}) is not wired{when}"
        self.log.add(node.place, message, self.candidates(port.type, node.path))
        self.incomplete.add(node.path)

    def uses(self, port: InputPort, wire: Wire, endpoint: Endpoint) -> list[Use]:
        """What is wired to a port, source by source; nothing if it takes no list of wires."""
        expected = element_type(port.type) if endpoint.gathers else port.type
        if expected is None:
            return []
        pairs = zip(endpoint.slots, wire.sources, strict=True)
        return [Use(port.name, expected, source, self.type_of(slot)) for slot, source in pairs]

    def fits(
        self,
        node: NetworkNode,
        port: InputPort,
        wire: Wire,
        endpoint: Endpoint,
        binding: PortBinding,
    ) -> bool:
        """Whether a port takes what its wire returns; if not, the log says why."""
        uses = self.uses(port, wire, endpoint)
        if not uses:
            message = f"{_expectation(node, port, port.type)}, not a list of wires"
            self.log.add(wire.place, message, origin=wire.sources[0].origin)
            return False
        misfits = [use for use in uses if not self.use_fits(node, port, use, binding)]
        return not misfits

    def use_fits(self, node: NetworkNode, port: InputPort, use: Use, binding: PortBinding) -> bool:
        if not accepts(use.expected, use.given):
            expected, message = use.expected, f"{_expectation(node, port, use.expected)}, but"
        elif (other := binding.add(use)) is not None:
            expected = resolve(use.expected, binding.types)
            message = (
                f"{_expectation(node, port, expected)}, as input '{other.port}' gets "
                f"{describe_type(other.given)} from {_name(other.source)}, but"
            )
        else:
            return True
        message = f"{message} {_name(use.source)} {self.verb(use)} {describe_type(use.given)}."
        self.log.add(
            use.source.place, message, self.candidates(expected, node.path), use.source.origin
        )
        return False

    def verb(self, use: Use) -> str:
        """How messages go on after a source: an input of the graph is something."""
        return "is" if use.source.path in self.network.inputs else "returns"

    def type_of(self, slot: Slot) -> Any:
        if slot.path in self.designs:
            return self.outputs[slot.path][slot.port]
        kind = self.input_types[slot.path]
        kind = fields_of(kind)[slot.port] if slot.port else kind
        is_open = self.network.inputs[slot.path].optional and kind is not Any
        return kind | None if is_open else kind

    def candidates(self, expected: Any, path: str) -> str:
        """A hint: what fits an input of this mode."""
        kind = describe_type(expected)
        if expected is Any:
            return ""
        nodes = [
            str(Slot(other, port)) if place else other
            for other in self.network.nodes
            if other in self.designs and other != path
            for place, (port, given) in enumerate(self.outputs[other].items())
            if given is not Any and accepts(expected, given)
        ]
        inputs = [
            str(slot)
            for name, given in self.input_types.items()
            for slot in (Slot(name, WHOLE), *(Slot(name, part) for part in fields_of(given)))
            if given is not Any and accepts(expected, self.type_of(slot))
        ]
        found = [*inputs, *nodes]
        if not found:
            return f"No node returns {kind}."
        listing = ", ".join(found[:_MAX_CANDIDATES]) + (", ..." if found[_MAX_CANDIDATES:] else "")
        return f"{'Sources of' if inputs else 'Nodes that return'} {kind}: {listing}"


def _name(source: Source) -> str:
    """A source as written, and where that leads if the text does not say."""
    full = str(source)
    tells = f".{source.text}." in f".{full}."
    return f"'{source.text}'" if tells else f"'{source.text}' ({full})"


def _expectation(node: NetworkNode, port: InputPort, expected: Any) -> str:
    return f"node '{node.path}': input '{port.name}' expects {describe_type(expected)}"
