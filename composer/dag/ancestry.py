"""Which vertices a target needs, and which depend on a change."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
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
