"""Orders in which everything comes after what it needs."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import TypeVar

import networkx as nx

Vertex = TypeVar("Vertex", bound=Hashable)


def order(
    graph: nx.DiGraph[Vertex], vertices: Collection[Vertex], rank: Mapping[Vertex, int]
) -> list[Vertex]:
    """The vertices, each after those it needs, otherwise by rank.

    Args:
        graph: edges go from what is needed to what needs it.
        vertices: the part of the graph to order.
        rank: which of two free vertices comes first; the smaller one does.
    """
    part = graph.subgraph(vertices)
    return list(nx.lexicographical_topological_sort(part, key=lambda vertex: rank[vertex]))


def layers(graph: nx.DiGraph[Vertex]) -> dict[Vertex, int]:
    """For each vertex the length of the longest way to it, for drawing."""
    return {
        vertex: index
        for index, generation in enumerate(nx.topological_generations(graph))
        for vertex in generation
    }
