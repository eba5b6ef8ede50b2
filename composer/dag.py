"""Algorithms on directed acyclic graphs, carried by networkx. They know nothing of models."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from heapq import heapify, heappop, heappush
from typing import TypeVar

import networkx as nx

Vertex = TypeVar("Vertex", bound=Hashable)


def needed(
    graph: nx.DiGraph[Vertex], targets: Iterable[Vertex], cuts: Collection[Vertex] = ()
) -> set[Vertex]:
    """The targets and all that they need, not looking past a cut.

    Args:
        graph: edges go from what is needed to what needs it.
        targets: where to start.
        cuts: vertices whose own needs do not count, for their value is given.
    """
    found: set[Vertex] = set()
    pending = list(targets)
    while pending:
        vertex = pending.pop()
        if vertex in found:
            continue
        found.add(vertex)
        if vertex not in cuts:
            pending.extend(graph.predecessors(vertex))
    return found


def affected(
    graph: nx.DiGraph[Vertex], changed: Iterable[Vertex], stops: Collection[Vertex] = ()
) -> set[Vertex]:
    """All that depends on the changed vertices, themselves not included.

    Args:
        graph: edges go from what is needed to what needs it.
        changed: where to start.
        stops: vertices that do not change with what they need, for their value is given.
    """
    starts = set(changed)
    found: set[Vertex] = set()
    pending = [below for vertex in starts for below in graph.successors(vertex)]
    while pending:
        vertex = pending.pop()
        if vertex in found or vertex in stops:
            continue
        found.add(vertex)
        pending.extend(graph.successors(vertex))
    return found - starts


def find_cycles(graph: nx.DiGraph[Vertex]) -> list[list[Vertex]]:
    """One cycle of each part of the graph that has cycles, in the order of the graph.

    Each begins with the first of its vertices, as the graph lists them.
    """
    rank = {vertex: index for index, vertex in enumerate(graph)}
    cycles: list[list[Vertex]] = []
    for part in nx.strongly_connected_components(graph):
        first = min(part, key=rank.__getitem__)
        if len(part) > 1:
            cycles.append(_cycle_through(graph.subgraph(part), first))
        elif graph.has_edge(first, first):
            cycles.append([first])
    return sorted(cycles, key=lambda cycle: rank[cycle[0]])


def _cycle_through(part: nx.DiGraph[Vertex], vertex: Vertex) -> list[Vertex]:
    """A shortest cycle through a vertex of a strongly connected graph."""
    ways = [nx.shortest_path(part, after, vertex) for after in part.successors(vertex)]
    return [vertex, *min(ways, key=len)[:-1]]


def order(
    graph: nx.DiGraph[Vertex], vertices: Collection[Vertex], rank: Mapping[Vertex, int]
) -> list[Vertex]:
    """The vertices, each after those it needs, otherwise by rank.

    Args:
        graph: edges go from what is needed to what needs it.
        vertices: the part of the graph to order.
        rank: which of two free vertices comes first; the smaller one does.
    """
    missing = dict.fromkeys(vertices, 0)
    for vertex in vertices:
        missing[vertex] = sum(map(missing.__contains__, graph.predecessors(vertex)))
    free = [(rank[vertex], vertex) for vertex in vertices if not missing[vertex]]
    heapify(free)
    ordered: list[Vertex] = []
    while free:
        vertex = heappop(free)[1]
        ordered.append(vertex)
        for after in graph.successors(vertex):
            if after in missing:
                missing[after] -= 1
                if not missing[after]:
                    heappush(free, (rank[after], after))
    return ordered


def layers(graph: nx.DiGraph[Vertex]) -> dict[Vertex, int]:
    """For each vertex the length of the longest way to it, for drawing."""
    return {
        vertex: index
        for index, generation in enumerate(nx.topological_generations(graph))
        for vertex in generation
    }
