"""Finds what the names under `freeze` mean: nodes, nested graphs, and modules inside nodes."""

from __future__ import annotations

from collections.abc import Mapping

from composer.documents import ProblemLog
from composer.language.spec import FrozenPart, GraphSpec, NodeSpec, Reference
from composer.names import NameIndex, describe_unresolved, did_you_mean


def find_frozen(graph: GraphSpec, log: ProblemLog) -> dict[str, FrozenPart]:
    """The frozen parts of a graph and its nested graphs by full name, the outer first.

    Whether a node has a module of some name is not known before it is built.

    Args:
        graph: the whole graph.
        log: takes names that mean no node, or several.
    """
    parts = _find_all(graph, "", log)
    for path, node in graph.walk():
        parts += [FrozenPart(path, _dotted(name.text), name.place) for name in node.freeze]
        if node.graph is not None:
            parts += _find_all(node.graph, f"{path}.", log)
    found: dict[str, FrozenPart] = {}
    for part in parts:
        first = found.get(part.name) if part is not None else None
        if part is not None:
            found[part.name] = part
        if first is not None and part is not None and first.place.source == part.place.source:
            log.add(part.place, f"'{part.name}' is frozen twice: {first.place} freezes it, too")
    return found


def _find_all(graph: GraphSpec, prefix: str, log: ProblemLog) -> list[FrozenPart | None]:
    if not graph.freeze:
        return []
    nodes = dict(graph.walk())
    index = NameIndex(nodes)
    return [_find(reference, nodes, index, prefix, log) for reference in graph.freeze]


def _find(
    reference: Reference,
    nodes: Mapping[str, NodeSpec],
    index: NameIndex,
    prefix: str,
    log: ProblemLog,
) -> FrozenPart | None:
    """The part below a graph that a name means; None, and a note in the log, if there is none."""
    names = _dotted(reference.text).split(".")
    lengths = range(len(names), 0, -1)  # the rest is a module inside the node
    exact = (length for length in lengths if ".".join(names[:length]) in nodes)
    by_end = (length for length in lengths if index.find(".".join(names[:length])))
    length = next(exact, None) or next(by_end, 0)
    found = index.find(".".join(names[:length]))
    if len(found) == 1:
        return _part(reference, found[0], nodes[found[0]], names[length:], prefix, log)
    message = describe_unresolved(reference.text, found, (), use="to freeze")[0]
    log.add(reference.place, message, "" if found else lambda: _suggest(reference.text, nodes))
    return None


def _suggest(text: str, nodes: Mapping[str, NodeSpec]) -> str:
    hint = did_you_mean(text, nodes, "nodes")
    if hint.startswith("Did"):
        return hint
    return "A module inside a node is named after the node: backbone.bottom_up.stem"


def _part(
    reference: Reference,
    path: str,
    node: NodeSpec,
    module: list[str],
    prefix: str,
    log: ProblemLog,
) -> FrozenPart | None:
    full = prefix + path
    if node.same_as is not None:
        hint = "Freeze the node whose module it calls."
        message = f"'{full}' has no weights of its own: it is the same as '{node.same_as.text}'"
        log.add(reference.place, message, hint)
    elif node.graph is not None and module:
        hint = did_you_mean(module[0], node.graph.nodes, "nodes")
        log.add(reference.place, f"there is no node '{module[0]}' in '{full}' to freeze", hint)
    else:
        return FrozenPart(full, ".".join(module), reference.place)
    return None


def _dotted(text: str) -> str:
    """A name with a dot before the module, where it has the colon of a tap."""
    return text.replace(":", ".")
