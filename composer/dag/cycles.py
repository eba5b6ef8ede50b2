"""Cycles: what makes a graph impossible to run."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

import networkx as nx

Vertex = TypeVar("Vertex", bound=Hashable)


def find_cycle(graph: nx.DiGraph[Vertex]) -> list[Vertex]:
    """The vertices of one cycle in order, or an empty list if there is none."""
    try:
        return [edge[0] for edge in nx.find_cycle(graph)]
    except nx.NetworkXNoCycle:
        return []
