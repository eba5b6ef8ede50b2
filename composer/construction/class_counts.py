"""Checks that nodes that are wired to each other count the same number of classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any, get_args, get_origin

import networkx as nx

from composer.blueprint import Blueprint, Node
from composer.documents import ProblemLog
from composer.node import members
from composer.structures import PortType

_KEY = "num_classes"


def check_class_counts(blueprint: Blueprint, log: ProblemLog) -> None:
    """Notes nodes with another `num_classes` than the nodes that they share classes with.

    Nodes share classes where one gives the other a value that depends on the number of classes
    (class logits, the offsets of boxes, masks, class indices), or both give such values to a third.

    Args:
        blueprint: nodes with contracts and configuration.
        log: takes the problems.
    """
    shared: nx.Graph[str] = nx.Graph()
    for sharing in _list_sharing(blueprint):
        nx.add_path(shared, sharing)
    rank = {path: index for index, path in enumerate(blueprint.nodes)}
    for group in nx.connected_components(shared):
        counts = {path: _count(blueprint, path) for path in sorted(group, key=rank.__getitem__)}
        usual = Counter(counts.values()).most_common(1)[0][0]
        for path, count in counts.items():
            if count != usual:
                others = [other for other in shared[path] if counts[other] != count] or [
                    other for other in counts if counts[other] == usual
                ]
                _note(blueprint.nodes[path], count, others[0], counts[others[0]], log)


def _list_sharing(blueprint: Blueprint) -> Iterator[list[str]]:
    """The nodes that share classes, for each node and mode, if they are two or more."""
    for node in blueprint.nodes.values():
        own = [node.path] if _count(blueprint, node.path) is not None else []
        for mode, arguments in node.arguments.items():
            slots = chain.from_iterable(endpoint.slots for endpoint in arguments.values())
            givers = [
                slot.path
                for slot in slots
                if _count(blueprint, slot.path) is not None
                and depends_on_classes(blueprint.nodes[slot.path].outputs_in(mode).get(slot.port))
            ]
            if len({*givers, *own}) > 1:
                yield list(dict.fromkeys([*own, *givers]))


def _count(blueprint: Blueprint, path: str) -> int | None:
    """The number of classes in the configuration of a node; None if it has none."""
    node = blueprint.nodes.get(path)
    original = node if node is None or node.same_as is None else blueprint.nodes.get(node.same_as)
    count = None if original is None else original.config.get(_KEY)
    return count if isinstance(count, int) else None


def depends_on_classes(annotation: Any) -> bool:
    """Whether values of a port's type depend on the number of classes."""
    if get_origin(annotation) is Annotated:
        return any(isinstance(m, PortType) and m.per_class for m in annotation.__metadata__)
    parts = members(annotation)
    if len(parts) == 1 and parts[0] is annotation:
        return any(map(depends_on_classes, get_args(annotation)))
    return any(map(depends_on_classes, parts))


def _note(
    node: Node, count: int | None, other: str, other_count: int | None, log: ProblemLog
) -> None:
    message = (
        f"node '{node.path}' has {_KEY}: {count}, but '{other}', which it shares classes with, has "
        f"{other_count}"
    )
    value = node.written.get(_KEY)
    place = node.place if value is None else value.place
    log.add(place, message, f"Let both have '{_KEY}: ${{{_KEY}}}', a param of the spec.")
