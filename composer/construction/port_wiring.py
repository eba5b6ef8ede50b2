"""Checks every wire's ends and types, and fills in the ports that are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

from composer.blueprint import WHOLE, Blueprint, Dependencies, Endpoint, Node, Slot
from composer.dag import find_cycles, order
from composer.documents import ProblemLog
from composer.language import Reference
from composer.names import did_you_mean
from composer.node import (
    InputPort,
    accepts,
    agree,
    bind,
    describe_type,
    describe_types,
    find_variables,
    members,
    plain,
    resolve,
)

_MAX_CANDIDATES = 8


def wire_ports(blueprint: Blueprint, log: ProblemLog) -> tuple[Blueprint, set[str]]:
    """Checks the wires of all modes.

    Args:
        blueprint: the nodes that have a contract; wires from or to others are not checked.
        log: takes missing and unknown inputs and ports, and types that do not fit.

    Returns:
        The blueprint with every port filled in, and the paths of the nodes that had a problem
        with one of their wires.
    """
    wirers = {mode: _Wirer(blueprint.dependencies(mode), log) for mode in blueprint.modes}
    arguments = {mode: wirer.all_arguments() for mode, wirer in wirers.items()}
    nodes = {}
    for path, node in blueprint.nodes.items():
        modes = {mode: wirer for mode, wirer in wirers.items() if mode in node.arguments}
        types = {mode: wirer.outputs[path] for mode, wirer in modes.items()}
        nodes[path] = node.changed(
            arguments={mode: arguments[mode][path] for mode in modes},
            bound={mode: found for mode, found in types.items() if found is not node.outputs},
        )
    wired = replace(
        blueprint,
        nodes=nodes,
        outputs={mode: wirer.close_all(blueprint.outputs[mode]) for mode, wirer in wirers.items()},
        groups={
            mode: {path: wirer.close_all(ends) for path, ends in blueprint.groups[mode].items()}
            for mode, wirer in wirers.items()
        },
    )
    return wired, {path for wirer in wirers.values() for path in wirer.incomplete}


class _Use(NamedTuple):
    """What is wired to an input port.

    Args:
        port: name of the port.
        expected: the port's type, or that of its elements where it gathers several wires.
        source: the slot that is wired to it, as written.
        reference: the reference that leads there.
        given: the slot's type.
    """

    port: str
    expected: Any
    source: Slot
    reference: Reference
    given: Any


@dataclass(frozen=True)
class _Binding:
    """The type variables of one node, bound wire by wire.

    Args:
        types: the type that each variable is bound to.
        uses: the wire that bound it first.
    """

    types: dict[TypeVar, Any] = field(default_factory=dict)
    uses: dict[TypeVar, _Use] = field(default_factory=dict)

    def add(self, use: _Use) -> _Use | None:
        """Binds the variables of an input's type, as far as the source says what they are.

        Returns:
            The wire that binds one of them to another type, if there is one.
        """
        for variable, kind in bind(use.expected, use.given).items():
            agreed = agree(self.types.get(variable, kind), kind)
            if agreed is None:
                return self.uses[variable]
            self.types[variable] = agreed
            self.uses.setdefault(variable, use)
        return None


class _Wirer:
    """Checks the wires of one mode; `outputs` are the types that its nodes return."""

    def __init__(self, dependencies: Dependencies, log: ProblemLog) -> None:
        self.mode, self.inputs = dependencies.mode, dependencies.inputs
        self.nodes, self.log = dependencies.nodes, log
        self.incomplete: set[str] = set()
        self.outputs = {path: node.outputs for path, node in self.nodes.items()}
        variable = {path for path, types in self.outputs.items() if _has_variables(types)}
        for path in _order_nodes(dependencies) if variable else ():
            if path in variable:
                self.outputs[path] = self.bound_outputs(self.nodes[path])

    def bound_outputs(self, node: Node) -> Mapping[str, Any]:
        """The types of a node's outputs, with the variables that its inputs bind replaced."""
        assert node.contract is not None
        binding, ports = _Binding(), node.contract.inputs
        for name, wire in node.arguments[self.mode].items():
            endpoint = self.close(wire)
            if name in ports and endpoint is not None:
                for use in self.uses(ports[name], wire, endpoint):
                    binding.add(use)
        return {port: resolve(kind, binding.types) for port, kind in node.outputs.items()}

    def all_arguments(self) -> dict[str, dict[str, Endpoint]]:
        return {path: self.arguments(node) for path, node in self.nodes.items()}

    def close_all(self, endpoints: Mapping[str, Endpoint]) -> dict[str, Endpoint]:
        found = {name: self.close(endpoint) for name, endpoint in endpoints.items()}
        return {name: endpoint for name, endpoint in found.items() if endpoint is not None}

    def close(self, endpoint: Endpoint) -> Endpoint | None:
        """The endpoint with its ports filled in; None if a problem was noted about one of them."""
        slots = list(map(self.slot, endpoint.slots, endpoint.references))
        found = tuple([slot for slot in slots if slot is not None])
        if not found or len(found) != len(slots):
            return None
        return Endpoint(found, endpoint.gathers, endpoint.place, endpoint.references)

    def slot(self, slot: Slot, reference: Reference) -> Slot | None:
        if slot.path in self.inputs:
            return self.input_slot(slot, reference)
        node = self.nodes.get(slot.path)
        if node is None:
            return None
        if slot.port == WHOLE:
            return node.slots[0]
        if slot.port in node.outputs:
            return slot
        outputs = node.outputs
        message = f"'{slot.path}' has no output '{slot.port}'"

        def hint() -> str:
            return did_you_mean(slot.port, outputs, "outputs")

        self.log.add(reference.place, message, hint, reference.origin)
        return None

    def input_slot(self, slot: Slot, reference: Reference) -> Slot | None:
        point = self.inputs[slot.path]
        if slot.port == WHOLE or slot.port in point.parts:
            return slot
        kind = describe_type(point.type)

        def hint() -> str:
            return did_you_mean(slot.port, point.parts, "parts")

        message = f"the input '{slot.path}' ({kind}) has no part '{slot.port}'"
        self.log.add(reference.place, message, hint, reference.origin)
        return None

    def arguments(self, node: Node) -> dict[str, Endpoint]:
        """The wired ports, without those that have a problem."""
        assert node.contract is not None
        ports, written = node.contract.inputs, node.arguments[self.mode]
        found: dict[str, Endpoint] = {}
        binding = _Binding()
        for name, wire in written.items():
            endpoint = self.close(wire)
            if name not in ports:
                self.note_unknown(node, name, ports)
            elif endpoint is None or not self.fits(node, ports[name], wire, endpoint, binding):
                self.incomplete.add(node.path)
            else:
                found[name] = endpoint
        for name, port in ports.items():
            if not port.optional and name not in written:
                self.note_missing(node, port)
        return found

    def note_unknown(self, node: Node, name: str, ports: Mapping[str, InputPort]) -> None:
        place = node.input_places.get(name, node.place)
        message = f"node '{node.path}': {node.type_name} has no input '{name}'"
        self.log.add(place, message, lambda: did_you_mean(name, ports, "inputs"))

    def note_missing(self, node: Node, port: InputPort) -> None:
        when = f" in {self.mode} mode" if port.name in node.input_places else ""
        kind = describe_type(port.type)
        message = f"node '{node.path}': input '{port.name}' ({kind}) is not wired{when}"
        self.log.add(node.place, message, lambda: self.candidates(port.type, node.path))
        self.incomplete.add(node.path)

    def uses(self, port: InputPort, wire: Endpoint, endpoint: Endpoint) -> list[_Use]:
        """What is wired to a port, slot by slot; nothing if it takes no list of wires."""
        expected = _element_type(port.type) if endpoint.gathers else port.type
        if expected is None:
            return []
        ends = zip(wire.slots, wire.references, endpoint.slots, strict=True)
        return [
            _Use(port.name, expected, written, reference, self.type_of(slot))
            for written, reference, slot in ends
        ]

    def fits(
        self, node: Node, port: InputPort, wire: Endpoint, endpoint: Endpoint, binding: _Binding
    ) -> bool:
        """Whether a port takes what its wire returns; if not, the log says why."""
        uses = self.uses(port, wire, endpoint)
        if not uses:
            message = f"{_expectation(node, port, describe_type(port.type))}, not a list of wires"
            self.log.add(wire.place, message, origin=wire.references[0].origin)
            return False
        misfits = [use for use in uses if not self.use_fits(node, port, use, binding)]
        return not misfits

    def use_fits(self, node: Node, port: InputPort, use: _Use, binding: _Binding) -> bool:
        if not accepts(use.expected, use.given):
            expected, bound = use.expected, ""
        elif (other := binding.add(use)) is not None:
            expected = resolve(use.expected, binding.types)
            source = f"{describe_type(other.given)} from {_name(other)}"
            bound = f", as input '{other.port}' gets {source}"
        else:
            return True
        wanted, given = describe_types(expected, use.given)
        returned = f"{_name(use)} {self.verb(use)}"
        self.log.add(
            use.reference.place,
            f"{_expectation(node, port, wanted)}{bound}, but {returned} {given}.",
            lambda: self.candidates(expected, node.path),
            use.reference.origin,
        )
        return False

    def verb(self, use: _Use) -> str:
        """How messages go on after a source: an input of the graph is something."""
        return "is" if use.source.path in self.inputs else "returns"

    def type_of(self, slot: Slot) -> Any:
        if slot.path in self.nodes:
            return self.outputs[slot.path][slot.port]
        point = self.inputs[slot.path]
        kind = point.type if slot.port == WHOLE else point.parts[slot.port]
        is_open = point.optional and kind is not Any
        return kind | None if is_open else kind

    def candidates(self, expected: Any, path: str) -> str:
        """A hint: what fits an input of this mode."""
        kind = describe_type(expected)
        if expected is Any:
            return ""
        nodes = (
            str(Slot(other, port)) if place else other
            for other, outputs in self.outputs.items()
            if other != path
            for place, (port, given) in enumerate(outputs.items())
            if given is not Any and accepts(expected, given)
        )
        inputs = [
            str(slot)
            for point in self.inputs.values()
            for slot in (point.slot, *(Slot(point.name, part) for part in point.parts))
            if point.type is not Any and accepts(expected, self.type_of(slot))
        ]
        found = list(islice(chain(inputs, nodes), _MAX_CANDIDATES + 1))
        if not found:
            return f"No node returns {kind}."
        listing = ", ".join(found[:_MAX_CANDIDATES]) + (", ..." if found[_MAX_CANDIDATES:] else "")
        return f"{'Sources of' if inputs else 'Nodes that return'} {kind}: {listing}"


def _has_variables(types: Mapping[str, Any]) -> bool:
    return any(map(find_variables, types.values()))


def _name(use: _Use) -> str:
    """A source as written, and where that leads if the text does not say."""
    text, full = use.reference.text, str(use.source)
    is_full = f".{text}." in f".{full}."
    return f"'{text}'" if is_full else f"'{text}' ({full})"


def _expectation(node: Node, port: InputPort, expected: str) -> str:
    return f"node '{node.path}': input '{port.name}' expects {expected}"


def _order_nodes(dependencies: Dependencies) -> list[str]:
    """The nodes, each after those that it is wired to; cycles, which are noted elsewhere, last."""
    graph, nodes = dependencies.between_nodes.copy(), dependencies.nodes
    while cycles := find_cycles(graph):
        graph.remove_nodes_from({path for cycle in cycles for path in cycle})
    ordered = order(graph, set(graph), {path: rank for rank, path in enumerate(graph)})
    return [path for path in dict.fromkeys([*ordered, *nodes]) if path in nodes]


def _element_type(expected: Any) -> Any | None:
    """The element type of a list type, or of the first one in a union; None for other types."""
    if expected is Any:
        return Any
    for member in members(expected):
        bare = plain(member)
        if (get_origin(bare) or bare) in (list, tuple):
            arguments = get_args(bare)
            return arguments[0] if arguments else Any
    return None
