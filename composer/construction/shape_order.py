"""The order in which shapes become known: each node after those it gets its shapes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import networkx as nx

from composer.construction.blueprint import NodeDesign
from composer.dag import find_cycles, order
from composer.documents import Place, ProblemLog
from composer.language import Mode
from composer.plan import Endpoint, Wiring


def order_by_shapes(
    wirings: Mapping[Mode, Wiring],
    drafts: Mapping[str, NodeDesign],
    places: Mapping[str, Place],
    log: ProblemLog,
) -> list[str]:
    """The nodes of both modes in order, without those that are in a cycle.

    Args:
        wirings: the checked wirings.
        drafts: the nodes by path.
        places: where the nodes stand.
        log: takes the cycles that only `same_as` closes; others have been noted as such.
    """
    graph = _shape_needs(wirings, drafts)
    while cycles := find_cycles(graph):
        for cycle in cycles:
            _note_cycle(cycle, drafts, places, log)
            graph.remove_nodes_from(cycle)
    rank = {path: index for index, path in enumerate(drafts)}
    return order(graph, set(graph), rank)


def shaping_arguments(wirings: Mapping[Mode, Wiring], path: str) -> Mapping[str, Endpoint]:
    """The arguments that a node takes its shapes from: those of inference where it exists there."""
    calls = [wirings[mode].calls.get(path) for mode in ("inference", "training")]
    return next((call.arguments for call in calls if call is not None), {})


def _shape_needs(
    wirings: Mapping[Mode, Wiring], drafts: Mapping[str, NodeDesign]
) -> nx.DiGraph[str]:
    """The nodes of both modes; edges go from those that shapes come from."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(drafts)
    for path, draft in drafts.items():
        slots = [slot for end in shaping_arguments(wirings, path).values() for slot in end.slots]
        needed = [slot.path for slot in slots if slot.path in drafts]
        needed += [draft.same_as] if draft.same_as is not None and draft.same_as in drafts else []
        graph.add_edges_from((before, path) for before in needed)
    return graph


def _note_cycle(
    cycle: Sequence[str],
    drafts: Mapping[str, NodeDesign],
    places: Mapping[str, Place],
    log: ProblemLog,
) -> None:
    for path in cycle:
        original = drafts[path].same_as
        if original in cycle:
            message = f"node '{path}' calls '{original}' again, which needs what '{path}' returns"
            hint = f"Let '{path}' have the 'uses', and '{original}' the 'same_as'."
            log.add(places[path], message, hint)
