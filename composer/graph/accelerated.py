"""Graphs for inference that share the modules of another graph and run them in another form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from composer.acceleration import optimize_nodes
from composer.blueprint import Names, listed
from composer.errors import InputError
from composer.graph.acceleration_notes import describe_nodes
from composer.graph.execution import Execution
from composer.graph.sharding import is_sharded

if TYPE_CHECKING:
    from composer.graph.graph import Graph


def optimize_graph(graph: Graph, precision: str, nodes: Names | None) -> Graph:
    """A graph of the same modules that runs inference optimised: see `Graph.optimize`.

    Raises:
        InputError: it has no inference, is sharded, or there is no such precision.
        NameResolutionError: a name is no node's.
        ContractError: a node type says something impossible of itself.
    """
    source = graph if graph.source is None else graph.source
    if "inference" not in source.blueprint.modes:
        raise InputError("only inference is optimised, and this graph has none")
    if is_sharded(source):
        raise InputError("a sharded graph is not optimised: its weights are not in one place")
    names = None if nodes is None else [source.resolve_node(name) for name in listed(nodes)]
    paths = None if names is None else _find_paths(source, names)
    optimized = optimize_nodes(source.blueprint, precision, paths)
    made = share_modules(source)
    made._execution = Execution(source.blueprint, source._callables, optimized)
    return made


def optimize_part(graph: Graph, part: Graph) -> Graph:
    """A part of an optimised graph, optimised as the whole is.

    Args:
        graph: the optimised graph.
        part: the same part of the graph that it was made from.
    """
    optimized = graph._execution.optimized
    assert optimized is not None
    kept = optimized.of({path for path, node in part.blueprint.nodes.items() if node.arguments})
    made = share_modules(part)
    made._execution = Execution(part.blueprint, part._callables, kept)
    return made


def _find_paths(graph: Graph, names: Sequence[str]) -> set[str]:
    """Paths of all nodes that are, or lie below, some names."""
    return {
        path
        for path in graph.blueprint.nodes
        if any(path == name or path.startswith(f"{name}.") for name in names)
    }


def share_modules(source: Graph) -> Graph:
    """A graph of the class and with the tree of modules of another: what is put in one is in both.

    Args:
        source: the other graph, which stays as it is.
    """
    made = object.__new__(type(source))
    made.__dict__.update(source.__dict__)
    made.__dict__["source"] = source
    made.training = False
    return made


def refuse(action: str) -> NoReturn:
    """Refuses what an optimised graph does not do.

    Args:
        action: what was asked for, as a participle.

    Raises:
        InputError: always.
    """
    raise InputError(
        f"an optimised graph cannot be {action}: it shares its weights with the graph that it was "
        "made from. Do it there; the optimised one follows its weights."
    )


def describe_optimization(graph: Graph) -> str:
    """What was applied to a graph, in one line; empty for one that is not optimised."""
    optimized = graph._execution.optimized
    return "" if optimized is None else describe_nodes(optimized, graph.nodes("inference"))
