"""Resolves the references of a spec: from nested graphs to a flat blueprint that is not checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from composer.blueprint.blueprint import Blueprint
from composer.blueprint.node_types import NodeTypes
from composer.blueprint.nodes import WHOLE, Endpoint, GraphInput, Node, Slot
from composer.blueprint.scopes import Scope
from composer.blueprint.wires import Wires
from composer.dag import find_cycles
from composer.documents import ProblemLog
from composer.language import MODES, Mode, NodeSpec, Reference, Spec, log_notes
from composer.names import did_you_mean
from composer.registry import Registry


def resolve_references(spec: Spec, log: ProblemLog) -> Blueprint:
    """The spec's nodes by path, with every wire followed to its slots. No plugin is imported.

    Args:
        spec: the spec.
        log: takes references that resolve to nothing, cycles, and wires to nodes that do not
            exist in the mode.
    """
    root = Scope(spec.graph)
    wires = {mode: Wires(root, mode, log) for mode in MODES}
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


def _make_node(
    path: str,
    written: NodeSpec,
    scope: Scope,
    root: Scope,
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
        recompute=scope.is_recomputed(written),
        same_as=original,
        written=module.config,
        place=written.place,
        uses_place=written.place_of("uses" if written.same_as is None else "same_as"),
        written_in=module.written_in,
        input_places=written.input_places,
    )


def _original(
    reference: Reference, scope: Scope, root: Scope, log: ProblemLog
) -> tuple[Scope, NodeSpec] | None:
    """The node that `same_as` names: a sibling, one below a sibling, or a full path."""
    for start in (scope, root):
        found = start.find(reference.text.split("."))
        if found is not None and (found[1].uses is not None or found[1].faulty):
            return None if found[1].faulty else found

    def hint() -> str:
        paths = [path for path, other in root.graph.walk() if other.uses is not None]
        return did_you_mean(reference.text, paths)

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
    types = NodeTypes(registry or Registry.installed(), spec.saved)
    found = types.find_all(blueprint.nodes, log)
    if spec.saved:
        log.raise_any(spec.saved.remark, spec.saved.file)
    log.raise_any()
    nodes = {
        path: replace(node, publication=found[path].publication)
        for path, node in blueprint.nodes.items()
    }
    log_notes(types.notes)
    return replace(blueprint, nodes=nodes, spec=spec.with_notes(types.notes))
