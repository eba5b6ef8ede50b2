"""Graphs for inference that share the modules of another graph and run them in another form."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import torch

from composer.acceleration import optimize_nodes
from composer.blueprint import Blueprint, Names, Plan, listed
from composer.errors import InputError
from composer.graph.acceleration_notes import describe_nodes, describe_plan
from composer.graph.engine_graph import find_engine_sets
from composer.graph.execution import Execution
from composer.graph.modules import device_of
from composer.graph.sharding import is_sharded
from composer.layers import Engine
from composer.processor import find_processor

if TYPE_CHECKING:
    from composer.graph.built_graph import BuiltGraph
    from composer.graph.graph import Graph

_EMULATION = "COMPOSER_EMULATE_BFLOAT16"  # runs bfloat16 where it is slow, as in tests


def optimize_graph(graph: Graph, precision: str, nodes: Names | None) -> Graph:
    """A graph of the same modules that runs inference optimised: see `Graph.optimize`.

    Raises:
        InputError: it has no inference, is sharded, or there is no such precision.
        NameResolutionError: a name is no node's.
        ContractError: a node type says something impossible of itself.
    """
    source = graph if graph.source is None else graph.source
    _check_source(source)
    if precision == "bfloat16":
        _require_bfloat16(source)
    names = None if nodes is None else [source.resolve_node(name) for name in listed(nodes)]
    paths = None if names is None else _find_paths(source, names)
    optimized = optimize_nodes(source.blueprint, precision, paths)
    made = share_modules(source)
    sets = graph._execution.sets
    made._execution = Execution(
        source.blueprint, source._callables, optimized, sets, source._execution.editing
    )
    return made


def accelerate_graph(
    graph: Graph,
    engine: str | Engine,
    nodes: Names | None,
    precision: str | None,
    calibrate: Iterable[Any] | None,
    *,
    cache: bool,
) -> Graph:
    """A graph of the same modules with sets of nodes on an engine: see `Graph.accelerate`.

    Raises:
        InputError: it has no inference, or an option does not fit the engine, the graph or nodes.
        NameResolutionError: a name is no node's.
    """
    source = graph if graph.source is None else graph.source
    _check_source(source)
    before, wanted = graph._execution, precision or _precision_of(graph)
    if wanted == "bfloat16":
        _require_bfloat16(source)
    chosen = find_engine_sets(source, engine, nodes, wanted, calibrate, cache=cache)
    sets = chosen if before.sets is None else before.sets.joined(chosen.sets)
    made = share_modules(source)
    made._execution = Execution(
        source.blueprint, source._callables, before.optimized, sets, source._execution.editing
    )
    return made


def _precision_of(graph: Graph) -> str:
    optimized = graph._execution.optimized
    return "float32" if optimized is None else optimized.precision


def _check_source(source: Graph) -> None:
    """Makes sure that a graph can be run in another form.

    Raises:
        InputError: it has no inference, or is sharded.
    """
    if "inference" not in source.blueprint.modes:
        raise InputError("only inference is optimised, and this graph has none")
    if is_sharded(source):
        raise InputError("a sharded graph is not optimised: its weights are not in one place")


def _require_bfloat16(graph: Graph) -> None:
    """Refuses bfloat16 where it would be emulated, which takes longer than float32.

    Raises:
        InputError: the processor, or the device of the graph, has no instructions for it.
    """
    if os.environ.get(_EMULATION, "") not in ("", "0"):
        return
    device, processor = device_of(graph), find_processor()
    if device.type == "cpu" and not processor.has_bfloat16:
        raise InputError(
            f"this processor ({processor}) has no instructions for bfloat16: it would "
            "emulate it, which takes several times as long as float32. Use float32; "
            f"{_EMULATION}=1 allows it all the same."
        )
    if device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise InputError(f"{torch.cuda.get_device_name(device)} does not compute in bfloat16")


def optimize_part(graph: Graph, part: Graph) -> Graph:
    """A part of an optimised graph, optimised as the whole is.

    Args:
        graph: the optimised graph.
        part: the same part of the graph that it was made from.
    """
    before = graph._execution
    paths = {path for path, node in part.blueprint.nodes.items() if node.arguments}
    optimized = None if before.optimized is None else before.optimized.of(paths)
    sets = None if before.sets is None else before.sets.of(part.blueprint)
    made = share_modules(part)
    made._execution = Execution(
        part.blueprint, part._callables, optimized, sets, part._execution.editing
    )
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


def describe_optimization(graph: BuiltGraph) -> str:
    """What was applied to a graph, in one line; empty for one that is not optimised."""
    execution = graph._execution
    optimized, sets = execution.optimized, execution.sets
    if optimized is None and sets is None:
        return ""
    known = graph.blueprint.nodes_in("inference").items()
    nodes = [path for path, node in known if node.module_path in graph._callables]
    found = [] if optimized is None else [describe_nodes(optimized, nodes)]
    found += [] if sets is None else [sets.describe(len(nodes))]
    return ", ".join(found)


def annotate_plan(plan: Plan, blueprint: Blueprint, precision: str) -> Plan:
    """A plan with remarks on the nodes that would be optimised, for which nothing is built.

    Args:
        plan: a plan of inference.
        blueprint: the checked spec that it was made on.
        precision: `float32` or `bfloat16`.
    """
    return replace(plan, notes=describe_plan(plan, optimize_nodes(blueprint, precision)))
