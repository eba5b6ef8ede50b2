"""Resolves the references of a spec: from nested graphs to one flat network per mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from composer.dag import find_cycle
from composer.spec.language import MODES, Mode
from composer.spec.model import GraphSpec, NodeSpec, Reference, Spec, WireSpec
from composer.spec.network import Network, NetworkNode, Source, Wire
from composer.spec.places import Place
from composer.spec.problems import ProblemLog
from composer.spec.suggestion import did_you_mean


def elaborate(spec: Spec, log: ProblemLog) -> dict[Mode, Network]:
    """The spec's networks by mode.

    Args:
        spec: the spec.
        log: takes references that resolve to nothing, cycles, and wires to nodes that do not
            exist in the mode.
    """
    return {mode: _Elaboration(spec, mode, log).network() for mode in MODES}


@dataclass
class _Scope:
    """The names that a wire may use: one graph's nodes, and its inputs as wires from outside."""

    graph: GraphSpec
    path: str
    inputs: Mapping[str, WireSpec] = field(default_factory=dict)
    outer: _Scope | None = None
    namespace: str = ""

    def join(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def nested(self, node: NodeSpec) -> _Scope:
        assert node.graph is not None
        path = self.join(node.name)
        prefix = _namespace(node, self)
        return _Scope(node.graph, path, node.inputs, self, prefix)


def _namespace(node: NodeSpec, scope: _Scope) -> str:
    """A node's checkpoint prefix: `.` is the enclosing graph's, a name of its own is absolute."""
    if node.namespace is None:
        return f"{scope.namespace}.{node.name}" if scope.namespace else node.name
    return scope.namespace if node.namespace == "." else node.namespace.rstrip(".")


@dataclass(frozen=True)
class _Absent:
    """A reference that leads to nothing in this mode, on purpose."""


class _Elaboration:
    def __init__(self, spec: Spec, mode: Mode, log: ProblemLog) -> None:
        self.spec, self.mode, self.log = spec, mode, log
        self.nodes: dict[str, NetworkNode] = {}
        self.groups: dict[str, dict[str, Wire]] = {}
        self.following: list[tuple[str, str]] = []

    def network(self) -> Network:
        root = _Scope(self.spec.graph, "")
        self.visit(root)
        outputs = self.outputs(root)
        network = Network(self.mode, self.spec.graph.inputs, self.nodes, outputs, self.groups)
        cycle = find_cycle(network.edges())
        if cycle:
            ring = " -> ".join([*cycle, cycle[0]])
            place = network.nodes[cycle[0]].place
            self.log.add(place, f"the nodes need each other in a ring: {ring}")
        return network

    def exists(self, node: NodeSpec) -> bool:
        return node.when in (None, self.mode)

    def visit(self, scope: _Scope) -> None:
        for node in scope.graph.nodes.values():
            if not self.exists(node):
                continue
            if node.graph is not None:
                inner = scope.nested(node)
                self.groups[inner.path] = {}
                self.visit(inner)
                self.groups[inner.path] = self.outputs(inner)
            elif node.uses is not None or node.same_as is not None:
                self.nodes[scope.join(node.name)] = self.call(node, scope)

    def call(self, node: NodeSpec, scope: _Scope) -> NetworkNode:
        wires = {port: self.wire(spec, scope) for port, spec in node.inputs.items()}
        original, uses = None, node
        if node.same_as is not None:
            original, uses = self.original(node, node.same_as, scope)
        return NetworkNode(
            path=scope.join(node.name),
            uses=uses.uses or "",
            same_as=original,
            config=uses.config,
            wires={port: wire for port, wire in wires.items() if wire is not None},
            wire_places=node.input_places,
            namespace=_namespace(node, scope),
            device=node.device,
            place=node.place,
            uses_place=node.place_of("uses" if node.same_as is None else "same_as"),
        )

    def original(
        self, node: NodeSpec, reference: Reference, scope: _Scope
    ) -> tuple[str | None, NodeSpec]:
        """The node that `same_as` names: a sibling, one below a sibling, or a full path."""
        for start in (scope, _Scope(self.spec.graph, "")):
            found = _descend(start, reference.text.split("."))
            if found is not None and found[1].uses is not None:
                return found
        paths = [path for path, other in self.spec.graph.walk() if other.uses is not None]
        hint = did_you_mean(reference.text, paths)
        self.log.add(reference.place, f"'same_as' names no node: '{reference.text}'", hint)
        return None, node

    def outputs(self, scope: _Scope) -> dict[str, Wire]:
        found = {name: self.wire(spec, scope) for name, spec in scope.graph.outputs.items()}
        return {name: wire for name, wire in found.items() if wire is not None}

    def wire(self, spec: WireSpec, scope: _Scope) -> Wire | None:
        """The wire with its references resolved; None if it has none in this mode."""
        references = spec.references.get(self.mode)
        if not references:
            return None
        sources: list[Source] = []
        gathers = self.mode in spec.gathers
        for reference in references:
            found = self.resolve(reference, scope)
            if isinstance(found, Wire):
                gathers = gathers or found.gathers
                sources.extend(found.sources)
        text = ", ".join(reference.text for reference in references)
        return Wire(tuple(sources), gathers, spec.place, text) if sources else None

    def resolve(self, reference: Reference, scope: _Scope) -> Wire | _Absent | None:
        """Where a reference leads; None (and a note in the log) if nowhere."""
        first, *rest = reference.text.split(".")
        if first in scope.graph.nodes:
            return self.below(scope, [first, *rest], reference)
        if first in scope.inputs:
            assert scope.outer is not None
            return self.outside(scope, first, rest, reference)
        if first in scope.graph.inputs:
            return self.found(Source(first, ".".join(rest) or None), reference)
        names = [*scope.graph.nodes, *scope.inputs, *scope.graph.inputs]
        where = f"in '{scope.path}' " if scope.path else ""
        hint = did_you_mean(first, names, "names to choose from")
        self.log.add(reference.place, f"there is no node or input '{first}' {where}".rstrip(), hint)
        return None

    def found(self, source: Source, reference: Reference) -> Wire:
        return Wire((source,), False, reference.place, reference.text)

    def outside(
        self, scope: _Scope, name: str, rest: list[str], reference: Reference
    ) -> Wire | _Absent | None:
        """An input of a nested graph: what its wire leads to in the graph around it."""
        assert scope.outer is not None
        wire = self.wire(scope.inputs[name], scope.outer)
        if wire is None:
            return _Absent()
        if not rest:
            return wire
        if wire.gathers or len(wire.sources) > 1 or len(rest) > 1 or wire.sources[0].port:
            self.log.add(reference.place, f"the input '{name}' has no port '{'.'.join(rest)}'")
            return None
        return self.found(Source(wire.sources[0].path, rest[0]), reference)

    def below(self, scope: _Scope, names: list[str], reference: Reference) -> Wire | None:
        """A node of this graph or of one nested in it, with an optional port."""
        node = scope.graph.nodes[names[0]]
        path, rest = scope.join(names[0]), names[1:]
        if not self.exists(node):
            self.log.add(
                reference.place,
                f"node '{path}' does not exist in {self.mode} mode (when: {node.when})",
                f"Give a wire for each mode: {{{_other(self.mode)}: {reference.text}, "
                f"{self.mode}: ...}}.",
            )
            return None
        if node.graph is None:
            if len(rest) > 1:
                self.log.add(reference.place, f"'{path}' is a single node: a port has one name")
                return None
            return self.found(Source(path, rest[0] if rest else None), reference)
        inner = scope.nested(node)
        if rest and rest[0] in inner.graph.nodes:
            return self.below(inner, rest, reference)
        return self.group_output(inner, rest, reference)

    def group_output(self, scope: _Scope, rest: list[str], reference: Reference) -> Wire | None:
        """An output of a nested graph: the named one, or the first that this mode has."""
        outputs = scope.graph.outputs
        here = [name for name, wire in outputs.items() if self.mode in wire.references]
        if rest and rest[0] not in here:
            hint = did_you_mean(rest[0], [*here, *scope.graph.nodes], "names to choose from")
            what = f"'{scope.path}' has no node or output '{rest[0]}' in {self.mode} mode"
            self.log.add(reference.place, what, hint)
            return None
        if not here:
            hint = "Name one of its nodes, or give it 'outputs'."
            what = f"the nested graph '{scope.path}' has no outputs in {self.mode} mode"
            self.log.add(reference.place, what, hint)
            return None
        name = rest[0] if rest else here[0]
        return self.guarded(scope, name, outputs[name], reference)

    def guarded(
        self, scope: _Scope, name: str, spec: WireSpec, reference: Reference
    ) -> Wire | None:
        """Follows an output's wire, once: a wire that leads back to itself is a cycle."""
        key = (scope.path, name)
        if key in self.following:
            ring = " -> ".join(".".join(step) for step in [*self.following, key])
            self.log.add(reference.place, f"outputs refer to each other in a ring: {ring}")
            return None
        self.following.append(key)
        wire = self.wire(spec, scope)
        self.following.pop()
        if wire is None:
            return None
        return Wire(wire.sources, wire.gathers, reference.place, reference.text)


def _other(mode: Mode) -> Mode:
    return "inference" if mode == "training" else "training"


def _descend(scope: _Scope, names: list[str]) -> tuple[str, NodeSpec] | None:
    node = scope.graph.nodes.get(names[0])
    if node is None:
        return None
    if len(names) == 1:
        return scope.join(names[0]), node
    return _descend(scope.nested(node), names[1:]) if node.graph is not None else None


def place_of(spec: Spec, path: str) -> Place:
    """Where the node of a path stands in its spec; the graph itself for the empty path."""
    for known, node in spec.graph.walk():
        if known == path:
            return node.place
    return spec.graph.place
