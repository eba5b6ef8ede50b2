"""Resolves the references of a spec: from nested graphs to a flat blueprint that is not checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from composer.blueprint.blueprint import Blueprint
from composer.blueprint.nodes import WHOLE, Endpoint, GraphInput, Node, Slot
from composer.dag import find_cycles
from composer.documents import ProblemLog
from composer.errors import ComposerError
from composer.language import MODES, GraphSpec, Mode, NodeSpec, Reference, Spec, WireSpec
from composer.names import did_you_mean
from composer.registry import Registry


def resolve_references(spec: Spec, log: ProblemLog) -> Blueprint:
    """The spec's nodes by path, with every wire followed to its slots. No plugin is imported.

    Args:
        spec: the spec.
        log: takes references that resolve to nothing, cycles, and wires to nodes that do not
            exist in the mode.
    """
    root = _Scope(spec.graph)
    wires = {mode: _Wires(root, mode, log) for mode in MODES}
    for found in wires.values():
        found.follow_all()
    nodes: dict[str, Node] = {}
    for scope, written in root.walk():
        path = scope.join(written.name)
        arguments = {
            m: found.arguments[path] for m, found in wires.items() if path in found.arguments
        }
        if arguments:
            nodes[path] = _make_node(path, written, scope, root, arguments, log)
    _check_originals(nodes, log)
    inputs = {
        name: GraphInput(name, declared.type_name, declared.optional, Slot(name, WHOLE))
        for name, declared in spec.graph.inputs.items()
    }
    blueprint = Blueprint(
        spec=spec,
        nodes=nodes,
        inputs=dict.fromkeys(MODES, inputs),
        outputs={mode: found.outputs for mode, found in wires.items()},
        groups={mode: found.groups for mode, found in wires.items()},
    )
    _check_cycles(blueprint, log)
    return blueprint


@dataclass(frozen=True)
class _Scope:
    """One graph: its nodes, and its inputs as wires from outside.

    Args:
        graph: the graph.
        path: its path; empty for the whole graph.
        inputs: the wires to its inputs, which belong to the graph around it.
        outer: the graph around it.
        namespace: checkpoint key prefix of its weights, without the final dot.
        device: device of its nodes, or None for the whole graph's.
    """

    graph: GraphSpec
    path: str = ""
    inputs: Mapping[str, WireSpec] = field(default_factory=dict)
    outer: _Scope | None = None
    namespace: str = ""
    device: str | None = None

    def join(self, name: str) -> str:
        """The path of one of the graph's nodes."""
        return f"{self.path}.{name}" if self.path else name

    def nested(self, node: NodeSpec) -> _Scope:
        """The graph that a node of this graph is."""
        assert node.graph is not None
        path = self.join(node.name)
        namespace, device = self.namespace_of(node), self.device_of(node)
        return _Scope(node.graph, path, node.inputs, self, namespace, device)

    def walk(self) -> Iterator[tuple[_Scope, NodeSpec]]:
        """Every node that is no nested graph, with the graph that it is in, in order."""
        for node in self.graph.nodes.values():
            if node.graph is not None:
                yield from self.nested(node).walk()
            else:
                yield self, node

    def namespace_of(self, node: NodeSpec) -> str:
        """A node's checkpoint prefix: `.` is this graph's, a name of its own is absolute."""
        if node.namespace is None:
            return f"{self.namespace}.{node.name}" if self.namespace else node.name
        return self.namespace if node.namespace == "." else node.namespace.rstrip(".")

    def device_of(self, node: NodeSpec) -> str | None:
        """A node's device: its own, else that of the graphs around it."""
        return self.device if node.device is None else node.device

    def find(self, names: list[str]) -> tuple[_Scope, NodeSpec] | None:
        """The node at the end of a way of names, with the graph that it is in."""
        node = self.graph.nodes.get(names[0])
        if node is None or len(names) == 1:
            return None if node is None else (self, node)
        return self.nested(node).find(names[1:]) if node.graph is not None else None

    def names(self) -> list[str]:
        """What a wire in this graph may begin with."""
        return [*self.graph.nodes, *self.inputs, *self.graph.inputs]

    def is_known_outside(self, name: str) -> bool:
        """Whether a graph around this one has a node or an input of that name."""
        outer = self.outer
        return outer is not None and (name in outer.names() or outer.is_known_outside(name))


def _make_node(
    path: str,
    written: NodeSpec,
    scope: _Scope,
    root: _Scope,
    arguments: Mapping[Mode, Mapping[str, Endpoint]],
    log: ProblemLog,
) -> Node:
    original: str | None = None
    module, home = written, scope
    if written.same_as is not None and (found := _original(written.same_as, scope, root, log)):
        home, module = found
        original = home.join(module.name)
    return Node(
        path=path,
        uses=module.uses or "",
        arguments=arguments,
        namespace=home.namespace_of(module),
        device=home.device_of(module),
        same_as=original,
        written=module.config,
        place=written.place,
        uses_place=written.place_of("uses" if written.same_as is None else "same_as"),
        input_places=written.input_places,
    )


def _original(
    reference: Reference, scope: _Scope, root: _Scope, log: ProblemLog
) -> tuple[_Scope, NodeSpec] | None:
    """The node that `same_as` names: a sibling, one below a sibling, or a full path."""
    for start in (scope, root):
        found = start.find(reference.text.split("."))
        if found is not None and (found[1].uses is not None or found[1].faulty):
            return None if found[1].faulty else found
    paths = [path for path, other in root.graph.walk() if other.uses is not None]
    hint = did_you_mean(reference.text, paths)
    log.add(reference.place, f"'same_as' names no node with 'uses': '{reference.text}'", hint)
    return None


def _check_originals(nodes: Mapping[str, Node], log: ProblemLog) -> None:
    for node in nodes.values():
        if node.same_as is not None and node.same_as not in nodes:
            message = f"'same_as' names a node that exists in no mode: '{node.same_as}'"
            log.add(node.uses_place, message)


def _check_cycles(blueprint: Blueprint, log: ProblemLog) -> None:
    for mode in blueprint.modes:
        for cycle in find_cycles(blueprint.dependencies(mode).between_nodes):
            ring = " -> ".join([*cycle, cycle[0]])
            log.add(blueprint.nodes[cycle[0]].place, f"the nodes need each other in a ring: {ring}")


class _Wires:
    """Follows the wires of one mode.

    Attributes:
        arguments: for each node that exists in the mode, what its input ports get.
        outputs: the graph's outputs.
        groups: the outputs of each nested graph by its path.
    """

    def __init__(self, root: _Scope, mode: Mode, log: ProblemLog) -> None:
        self.root, self.mode, self.log = root, mode, log
        self.arguments: dict[str, dict[str, Endpoint]] = {}
        self.outputs: dict[str, Endpoint] = {}
        self.groups: dict[str, dict[str, Endpoint]] = {}
        self.following: list[tuple[str, str]] = []  # the outputs whose wires are being followed

    def follow_all(self) -> None:
        """Follows every wire of the mode."""
        self.visit(self.root)
        self.outputs = self.endpoints(self.root.graph.outputs, self.root)

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
                self.groups[inner.path] = self.endpoints(inner.graph.outputs, inner)
            elif not node.faulty:
                self.arguments[scope.join(node.name)] = self.endpoints(node.inputs, scope)

    def endpoints(self, wires: Mapping[str, WireSpec], scope: _Scope) -> dict[str, Endpoint]:
        found = {name: self.wire(wire, scope) for name, wire in wires.items()}
        return {name: endpoint for name, endpoint in found.items() if endpoint is not None}

    def wire(self, spec: WireSpec, scope: _Scope) -> Endpoint | None:
        """What a wire leads to; None if that is nothing in this mode."""
        ends: list[Endpoint] = []
        for reference in spec.references.get(self.mode, ()):
            found = self.resolve(reference, scope)
            if found is not None:
                ends.append(found)
        if spec.faulty or () in [end.slots for end in ends]:
            return Endpoint((), place=spec.place)
        if not ends:
            return None
        return Endpoint(
            slots=tuple([slot for end in ends for slot in end.slots]),
            gathers=self.mode in spec.gathers or ends[0].gathers,
            place=spec.place,
            references=tuple([each for end in ends for each in end.references]),
        )

    def resolve(self, reference: Reference, scope: _Scope) -> Endpoint | None:
        """Where a reference leads: None for an input left open, no slot where a note was made."""
        first, *rest = reference.text.split(".")
        if first in scope.graph.nodes:
            return self.below(scope, [first, *rest], reference)
        if first in scope.inputs:
            return self.outside(scope, first, rest, reference)
        if first in scope.graph.inputs:
            return _endpoint(reference, Slot(first, ".".join(rest) or WHOLE))
        where = f" in '{scope.path}'" if scope.path else ""
        hint = did_you_mean(first, scope.names(), "names to choose from")
        if scope.is_known_outside(first) and not hint.startswith("Did"):
            hint = f"'{first}' is outside: hand it in under the inputs of '{scope.path}'."
        return self.faulty(reference, f"there is no node or input '{first}'{where}", hint)

    def faulty(self, reference: Reference, message: str, hint: str = "") -> Endpoint:
        self.log.add(reference.place, message, hint)
        return _endpoint(reference)

    def outside(
        self, scope: _Scope, name: str, rest: list[str], reference: Reference
    ) -> Endpoint | None:
        """An input of a nested graph: what its wire leads to in the graph around it."""
        assert scope.outer is not None
        found = self.wire(scope.inputs[name], scope.outer)
        if found is None or not found.slots:
            return found
        slots = found.slots
        if rest:
            if found.gathers or len(rest) > 1 or slots[0].port != WHOLE:
                port = ".".join(rest)
                return self.faulty(reference, f"the input '{name}' has no port '{port}'")
            slots = (slots[0]._replace(port=rest[0]),)
        origins = [each.origin or each.place for each in found.references]
        references = tuple(replace(reference, origin=origin) for origin in origins)
        return replace(found, slots=slots, place=reference.place, references=references)

    def below(self, scope: _Scope, names: list[str], reference: Reference) -> Endpoint | None:
        """A node of this graph or of one nested in it, with an optional port."""
        node = scope.graph.nodes[names[0]]
        path, rest = scope.join(names[0]), names[1:]
        if node.faulty:
            return _endpoint(reference)
        if not self.exists(node):
            other = "inference" if self.mode == "training" else "training"
            hint = f"Give a wire for each mode: {{{other}: {reference.text}, {self.mode}: ...}}."
            message = f"node '{path}' does not exist in {self.mode} mode (when: {node.when})"
            return self.faulty(reference, message, hint)
        if node.graph is None:
            if len(rest) > 1:
                return self.faulty(reference, f"'{path}' is a single node: a port has one name")
            return _endpoint(reference, Slot(path, rest[0] if rest else WHOLE))
        inner = scope.nested(node)
        if rest and rest[0] in inner.graph.nodes:
            return self.below(inner, rest, reference)
        return self.group_output(inner, rest, reference)

    def group_output(self, scope: _Scope, rest: list[str], reference: Reference) -> Endpoint | None:
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

    def follow(self, scope: _Scope, name: str, reference: Reference) -> Endpoint | None:
        """Follows an output's wire, once: a wire that leads back to itself is a cycle."""
        key = (scope.path, name)
        if key in self.following:
            ring = " -> ".join(".".join(step) for step in [*self.following, key])
            return self.faulty(reference, f"outputs refer to each other in a ring: {ring}")
        self.following.append(key)
        found = self.wire(scope.graph.outputs[name], scope)
        self.following.pop()
        if found is None:
            return None
        references = tuple(replace(reference, origin=each.origin) for each in found.references)
        return replace(found, place=reference.place, references=references)


def _endpoint(reference: Reference, *slots: Slot) -> Endpoint:
    """The endpoint of one reference; without slots where a problem was noted."""
    return Endpoint(slots, False, reference.place, (reference,) * len(slots))


def resolve_spec(spec: Spec, registry: Registry | None = None) -> Blueprint:
    """Checks references, cycles, and that every node type is published.

    Args:
        spec: the spec.
        registry: the node types; those that are installed by default.

    Returns:
        The spec made flat, its ports open and its configuration unchecked.

    Raises:
        SpecError: with all problems at once.
    """
    log = ProblemLog()
    blueprint = resolve_references(spec, log)
    registry = registry or Registry.installed()
    for node in blueprint.nodes.values():
        find_node_type(node, registry, log)
    log.raise_any()
    return blueprint


def find_node_type(node: Node, registry: Registry, log: ProblemLog) -> bool:
    """Whether a node's type is published; if not, the log says why."""
    if not node.uses:
        return False  # a `same_as` that leads nowhere, noted already
    try:
        registry.find(node.uses)
    except ComposerError as error:
        log.add(node.uses_place, str(error))
        return False
    return True
