"""Cycles: what makes a graph impossible to run."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

import networkx as nx

Vertex = TypeVar("Vertex", bound=Hashable)


def find_cycles(graph: nx.DiGraph[Vertex]) -> list[list[Vertex]]:
    """One cycle of each part of the graph that has cycles, in the order of the graph.

    Each begins with the first of its vertices, as the graph lists them.
    """
    rank = {vertex: index for index, vertex in enumerate(graph)}
    cycles: list[list[Vertex]] = []
    for part in nx.strongly_connected_components(graph):
        first = min(part, key=lambda vertex: rank[vertex])
        inner = graph.subgraph(part)
        if len(part) > 1 or inner.has_edge(first, first):
            cycles.append([first] if len(part) == 1 else _cycle_through(inner, first))
    return sorted(cycles, key=lambda cycle: rank[cycle[0]])


def _cycle_through(part: nx.DiGraph[Vertex], vertex: Vertex) -> list[Vertex]:
    """A shortest cycle through a vertex of a strongly connected graph."""
    ways = [nx.shortest_path(part, after, vertex) for after in part.successors(vertex)]
    return [vertex, *min(ways, key=len)[:-1]]
