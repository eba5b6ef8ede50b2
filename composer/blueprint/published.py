"""Checks what can be known of a spec without importing a plugin."""

from __future__ import annotations

from composer.blueprint.blueprint import Blueprint
from composer.blueprint.nodes import Node
from composer.blueprint.resolution import resolve_references
from composer.documents import ProblemLog
from composer.errors import ComposerError
from composer.language import Spec
from composer.registry import Registry


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
