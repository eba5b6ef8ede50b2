"""The order in which shapes become known: each node after those it gets its shapes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import networkx as nx

from composer.blueprint import Blueprint, Endpoint, Node
from composer.dag import find_cycles, order
from composer.documents import ProblemLog
from composer.language import Mode


def order_by_shapes(blueprint: Blueprint, log: ProblemLog) -> list[str]:
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


def shaping_arguments(node: Node) -> Mapping[str, Endpoint]:
    """The arguments that a node takes its shapes from: those of inference where it exists there."""
    modes: tuple[Mode, ...] = ("inference", "training")
    return next((node.arguments[mode] for mode in modes if mode in node.arguments), {})


def _shape_needs(nodes: Mapping[str, Node]) -> nx.DiGraph[str]:
    """The nodes of both modes; edges go from those that shapes come from."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(nodes)
    for path, node in nodes.items():
        slots = [slot for end in shaping_arguments(node).values() for slot in end.slots]
        needed = [slot.path for slot in slots if slot.path in nodes]
        needed += [node.same_as] if node.same_as is not None and node.same_as in nodes else []
        graph.add_edges_from((before, path) for before in needed)
    return graph


def _note_cycle(cycle: Sequence[str], nodes: Mapping[str, Node], log: ProblemLog) -> None:
    for path in cycle:
        original = nodes[path].same_as
        if original in cycle:
            message = f"node '{path}' calls '{original}' again, which needs what '{path}' returns"
            hint = f"Let '{path}' have the 'uses', and '{original}' the 'same_as'."
            log.add(nodes[path].place, message, hint)
