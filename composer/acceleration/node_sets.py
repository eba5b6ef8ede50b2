"""Sets of nodes that can run as one: connected, and convex, so that no path leaves and comes back.

Only of a convex set all inputs can be there before it runs. See decision record 20.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from itertools import chain
from typing import NamedTuple

import networkx as nx

from composer.blueprint import Dependencies
from composer.errors import InputError


class _Way(NamedTuple):
    """A path that leaves a set and comes back."""

    start: str
    between: tuple[str, ...]
    end: str


def find_sets(dependencies: Dependencies, takes: Callable[[str], bool]) -> list[tuple[str, ...]]:
    """The largest connected convex sets of the nodes that can be taken.

    No two of them that touch could be one.

    Args:
        dependencies: the nodes and slots of a mode.
        takes: whether a node, by path, can be taken.

    Returns:
        Each set's nodes in the order in which they run; sets in the order of their first nodes.
    """
    graph = _between_nodes(dependencies)
    ordered = list(nx.lexicographical_topological_sort(graph, key=dependencies.rank.__getitem__))
    rank = {path: index for index, path in enumerate(ordered)}
    found = _split(graph, ordered, {path for path in ordered if takes(path)})
    return sorted([_sorted(nodes, rank) for nodes in found], key=lambda nodes: rank[nodes[0]])


def group_named(dependencies: Dependencies, paths: Collection[str]) -> list[tuple[str, ...]]:
    """Connected sets of nodes that a user named, each of which must be convex.

    Args:
        dependencies: the nodes and slots of a mode.
        paths: the nodes.

    Raises:
        InputError: if a path leaves a set and comes back, with the nodes on it.
    """
    graph = _between_nodes(dependencies)
    rank = {path: index for index, path in enumerate(dependencies.nodes)}
    sets = [set(nodes) for nodes in nx.weakly_connected_components(graph.subgraph(paths))]
    for nodes in sets:
        if (way := _find_way_back(graph, nodes)) is not None:
            raise InputError(_describe(way, nodes))
    ordered = list(nx.lexicographical_topological_sort(graph, key=rank.__getitem__))
    places = {path: index for index, path in enumerate(ordered)}
    return sorted([_sorted(nodes, places) for nodes in sets], key=lambda each: places[each[0]])


def is_convex(dependencies: Dependencies, paths: Collection[str]) -> bool:
    """Whether no path leaves a set of nodes and comes back."""
    return _find_way_back(_between_nodes(dependencies), set(paths)) is None


def _between_nodes(dependencies: Dependencies) -> nx.DiGraph[str]:
    graph = nx.DiGraph(dependencies.between_nodes)
    graph.remove_nodes_from([path for path in list(graph) if path not in dependencies.nodes])
    return graph


def _sorted(nodes: Iterable[str], rank: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(sorted(nodes, key=rank.__getitem__))


def _split(graph: nx.DiGraph[str], ordered: Sequence[str], taken: Set[str]) -> list[set[str]]:
    """Connected convex sets of all taken nodes, merged as far as they stay convex."""
    early = _levels(graph, ordered, taken)
    late = _levels(graph.reverse(copy=False), ordered[::-1], taken)
    candidates = [_merge(graph, _components(graph, levels)) for levels in (early, late)]
    return max(candidates, key=lambda sets: sorted(map(len, sets), reverse=True))


def _levels(graph: nx.DiGraph[str], ordered: Sequence[str], taken: Set[str]) -> dict[str, int]:
    """For each taken node, how often a path to it leaves the taken nodes and comes back, at most.

    Nodes of one number are convex, for a path out of them and back would add one.
    """
    levels: dict[str, int] = {}
    for path in ordered:
        before = list(graph.predecessors(path))
        if path in taken:
            levels[path] = max((levels[each] for each in before), default=0)
        else:
            steps = [levels[each] + (each in taken) for each in before]
            levels[path] = max(steps, default=0)
    return {path: level for path, level in levels.items() if path in taken}


def _components(graph: nx.DiGraph[str], levels: Mapping[str, int]) -> list[set[str]]:
    by_level: dict[int, list[str]] = {}
    for path, level in levels.items():
        by_level.setdefault(level, []).append(path)
    parts = (nx.weakly_connected_components(graph.subgraph(nodes)) for nodes in by_level.values())
    return [set(nodes) for nodes in chain.from_iterable(parts)]


def _merge(graph: nx.DiGraph[str], sets: list[set[str]]) -> list[set[str]]:
    """Merges sets that touch, the largest first, as long as the union is convex."""
    sets = sorted(sets, key=len, reverse=True)
    index = 0
    while index < len(sets):
        nodes = sets[index]
        around = set(chain.from_iterable(nx.all_neighbors(graph, path) for path in nodes))
        for other in sets[index + 1 :]:
            if not around.isdisjoint(other) and _find_way_back(graph, nodes | other) is None:
                sets.remove(other)
                nodes |= other
                break
        else:
            index += 1
    return sets


def _find_way_back(graph: nx.DiGraph[str], nodes: Set[str]) -> _Way | None:
    """A shortest path that leaves a set and comes back to it; None if the set is convex."""
    came_from: dict[str, str] = {}
    for start in sorted(nodes):
        for path in graph.successors(start):
            if path not in nodes:
                came_from.setdefault(path, start)
    pending = list(came_from)
    for path in pending:  # grows while it is walked
        for after in graph.successors(path):
            if after in nodes:
                between = [path]
                while came_from[between[-1]] not in nodes:
                    between.append(came_from[between[-1]])
                return _Way(came_from[between[-1]], tuple(reversed(between)), after)
            if after not in came_from:
                came_from[after] = path
                pending.append(after)
    return None


def _describe(way: _Way, nodes: Set[str]) -> str:
    shown = " -> ".join([way.start, *way.between, way.end])
    between = ", ".join(f"'{path}'" for path in way.between)
    them = "it" if len(way.between) == 1 else "them"
    return (
        f"the {len(nodes)} nodes cannot run as one: the path {shown} leaves them and comes back. "
        f"Name {between} too, or leave out nodes before or after {them}."
    )
