"""Resolves the references of a spec: from nested graphs to one flat network per mode."""

from __future__ import annotations

from dataclasses import replace

from composer.blueprint.network import Network, NetworkNode, Source, Wire
from composer.blueprint.scope import Scope
from composer.dag import find_cycles
from composer.documents import ProblemLog
from composer.language import MODES, Mode, NodeSpec, Reference, Spec, WireSpec
from composer.names import did_you_mean


def elaborate(spec: Spec, log: ProblemLog) -> dict[Mode, Network]:
    """The spec's networks by mode.

    Args:
        spec: the spec.
        log: takes references that resolve to nothing, cycles, and wires to nodes that do not
            exist in the mode.
    """
    return {mode: _Elaboration(spec, mode, log).network() for mode in MODES}


class _Elaboration:
    """Makes one mode's network; `following` are the outputs whose wires are being followed."""

    def __init__(self, spec: Spec, mode: Mode, log: ProblemLog) -> None:
        self.root, self.mode, self.log = Scope(spec.graph), mode, log
        self.nodes: dict[str, NetworkNode] = {}
        self.groups: dict[str, dict[str, Wire]] = {}
        self.following: list[tuple[str, str]] = []

    def network(self) -> Network:
        self.visit(self.root)
        graph = self.root.graph
        network = Network(self.mode, graph.inputs, self.nodes, self.outputs(self.root), self.groups)
        for cycle in find_cycles(network.edges()):
            ring = " -> ".join([*cycle, cycle[0]])
            place = network.nodes[cycle[0]].place
            self.log.add(place, f"the nodes need each other in a ring: {ring}")
        return network

    def exists(self, node: NodeSpec) -> bool:
        return node.when in (None, self.mode)

    def visit(self, scope: Scope) -> None:
        for node in scope.graph.nodes.values():
            if not self.exists(node):
                continue
            if node.graph is not None:
                inner = scope.nested(node)
                self.groups[inner.path] = {}
                self.visit(inner)
                self.groups[inner.path] = self.outputs(inner)
            elif not node.faulty:
                self.nodes[scope.join(node.name)] = self.call(node, scope)

    def call(self, node: NodeSpec, scope: Scope) -> NetworkNode:
        wires = {port: self.wire(spec, scope) for port, spec in node.inputs.items()}
        original: str | None = None
        module, home = node, scope
        if node.same_as is not None:
            found = self.original(node.same_as, scope)
            home, module = found or (scope, node)
            original = home.join(module.name) if found else None
        return NetworkNode(
            path=scope.join(node.name),
            uses=module.uses or "",
            same_as=original,
            config=module.config,
            wires={port: wire for port, wire in wires.items() if wire is not None},
            wire_places=node.input_places,
            namespace=home.namespace_of(module),
            device=home.device_of(module),
            place=node.place,
            uses_place=node.place_of("uses" if node.same_as is None else "same_as"),
        )

    def original(self, reference: Reference, scope: Scope) -> tuple[Scope, NodeSpec] | None:
        """The node that `same_as` names: a sibling, one below a sibling, or a full path."""
        for start in (scope, self.root):
            found = start.find(reference.text.split("."))
            if found is not None and (found[1].uses is not None or found[1].faulty):
                return None if found[1].faulty else found
        paths = [path for path, other in self.root.graph.walk() if other.uses is not None]
        hint = did_you_mean(reference.text, paths)
        message = f"'same_as' names no node with 'uses': '{reference.text}'"
        self.log.add(reference.place, message, hint)
        return None

    def outputs(self, scope: Scope) -> dict[str, Wire]:
        found = {name: self.wire(spec, scope) for name, spec in scope.graph.outputs.items()}
        return {name: wire for name, wire in found.items() if wire is not None}

    def wire(self, spec: WireSpec, scope: Scope) -> Wire | None:
        """The wire with its references resolved; None if it leads nowhere in this mode."""
        references = spec.references.get(self.mode, ())
        found = [self.resolve(reference, scope) for reference in references]
        present = [wire for wire in found if wire is not None]
        if not spec.faulty and not present:
            return None
        text = ", ".join(reference.text for reference in references)
        if spec.faulty or not all(wire.sources for wire in present):
            return Wire((), False, spec.place, text)
        sources = tuple(source for wire in present for source in wire.sources)
        gathers = self.mode in spec.gathers or present[0].gathers
        return Wire(sources, gathers, spec.place, text)

    def resolve(self, reference: Reference, scope: Scope) -> Wire | None:
        """Where a reference leads: None for an input left open, no source where a note was made."""
        first, *rest = reference.text.split(".")
        if first in scope.graph.nodes:
            return self.below(scope, [first, *rest], reference)
        if first in scope.inputs:
            return self.outside(scope, first, rest, reference)
        if first in scope.graph.inputs:
            return _wire(reference, Source(first, ".".join(rest) or None))
        where = f" in '{scope.path}'" if scope.path else ""
        hint = did_you_mean(first, scope.names(), "names to choose from")
        if scope.is_known_outside(first) and not hint.startswith("Did"):
            hint = f"'{first}' is outside: hand it in under the inputs of '{scope.path}'."
        return self.faulty(reference, f"there is no node or input '{first}'{where}", hint)

    def faulty(self, reference: Reference, message: str, hint: str = "") -> Wire:
        self.log.add(reference.place, message, hint)
        return _wire(reference)

    def outside(
        self, scope: Scope, name: str, rest: list[str], reference: Reference
    ) -> Wire | None:
        """An input of a nested graph: what its wire leads to in the graph around it."""
        assert scope.outer is not None
        wire = self.wire(scope.inputs[name], scope.outer)
        if wire is None or not wire.sources:
            return wire
        sources = [replace(source, origin=source.origin or source.place) for source in wire.sources]
        if rest:
            if wire.gathers or len(rest) > 1 or sources[0].port:
                port = ".".join(rest)
                return self.faulty(reference, f"the input '{name}' has no port '{port}'")
            sources = [replace(sources[0], port=rest[0])]
        return replace(_wire(reference, *sources), gathers=wire.gathers)

    def below(self, scope: Scope, names: list[str], reference: Reference) -> Wire | None:
        """A node of this graph or of one nested in it, with an optional port."""
        node = scope.graph.nodes[names[0]]
        path, rest = scope.join(names[0]), names[1:]
        if node.faulty:
            return _wire(reference)
        if not self.exists(node):
            other = "inference" if self.mode == "training" else "training"
            hint = f"Give a wire for each mode: {{{other}: {reference.text}, {self.mode}: ...}}."
            message = f"node '{path}' does not exist in {self.mode} mode (when: {node.when})"
            return self.faulty(reference, message, hint)
        if node.graph is None:
            if len(rest) > 1:
                return self.faulty(reference, f"'{path}' is a single node: a port has one name")
            return _wire(reference, Source(path, rest[0] if rest else None))
        inner = scope.nested(node)
        if rest and rest[0] in inner.graph.nodes:
            return self.below(inner, rest, reference)
        return self.group_output(inner, rest, reference)

    def group_output(self, scope: Scope, rest: list[str], reference: Reference) -> Wire | None:
        """An output of a nested graph: the named one, or the first that this mode has."""
        outputs = scope.graph.outputs
        here = [n for n, wire in outputs.items() if wire.faulty or self.mode in wire.references]
        if rest and rest[0] not in here:
            hint = did_you_mean(rest[0], [*here, *scope.graph.nodes], "names to choose from")
            where = f" in {self.mode} mode" if rest[0] in outputs else ""
            message = f"'{scope.path}' has no node or output '{rest[0]}'{where}"
            return self.faulty(reference, message, hint)
        if len(rest) > 1:
            message = f"the output '{scope.path}.{rest[0]}' has no port '{'.'.join(rest[1:])}'"
            return self.faulty(reference, message)
        if not here:
            hint = "Name one of its nodes, or give it 'outputs'."
            where = f" in {self.mode} mode" if outputs else ""
            message = f"the nested graph '{scope.path}' has no outputs{where}"
            return self.faulty(reference, message, hint)
        return self.follow(scope, rest[0] if rest else here[0], reference)

    def follow(self, scope: Scope, name: str, reference: Reference) -> Wire | None:
        """Follows an output's wire, once: a wire that leads back to itself is a cycle."""
        key = (scope.path, name)
        if key in self.following:
            ring = " -> ".join(".".join(step) for step in [*self.following, key])
            return self.faulty(reference, f"outputs refer to each other in a ring: {ring}")
        self.following.append(key)
        wire = self.wire(scope.graph.outputs[name], scope)
        self.following.pop()
        if wire is None:
            return None
        return replace(_wire(reference, *wire.sources), gathers=wire.gathers)


def _wire(reference: Reference, *sources: Source) -> Wire:
    """The wire that one reference makes; without sources where a problem was noted."""
    named = tuple(replace(s, text=reference.text, place=reference.place) for s in sources)
    return Wire(named, False, reference.place, reference.text)
