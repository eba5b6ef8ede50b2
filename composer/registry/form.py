"""Checks what can be known of a spec without importing a plugin."""

from __future__ import annotations

from collections.abc import Mapping

from composer.blueprint import Network, NetworkNode, elaborate
from composer.documents import ProblemLog
from composer.errors import ComposerError
from composer.language import Mode, Spec
from composer.registry.registry import Registry


def check_form_of(spec: Spec, registry: Registry | None = None) -> dict[Mode, Network]:
    """Checks references, cycles, and that every node type is published.

    Args:
        spec: the spec.
        registry: the node types; those that are installed by default.

    Returns:
        The spec's networks by mode.

    Raises:
        SpecError: with all problems at once.
    """
    log = ProblemLog()
    networks = elaborate(spec, log)
    registry = registry or Registry.installed()
    for node in merge_nodes(spec, networks).values():
        find_node_type(node, registry, log)
    log.raise_any()
    return networks


def merge_nodes(spec: Spec, networks: Mapping[Mode, Network]) -> dict[str, NetworkNode]:
    """The nodes of all modes, each once, as the spec orders them."""
    merged: dict[str, NetworkNode] = {}
    for path, _ in spec.graph.walk():
        for network in networks.values():
            if path in network.nodes:
                merged.setdefault(path, network.nodes[path])
    return merged


def find_node_type(node: NetworkNode, registry: Registry, log: ProblemLog) -> bool:
    """Whether a node's type is published; if not, the log says why."""
    if not node.uses:
        return False  # a `same_as` that leads nowhere, noted already
    try:
        registry.find(node.uses)
    except ComposerError as error:
        log.add(node.uses_place, str(error))
        return False
    return True
