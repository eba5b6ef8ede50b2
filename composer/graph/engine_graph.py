"""Graphs that hand sets of their nodes to an engine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from composer.acceleration import (
    Calibration,
    CompiledCache,
    EngineSet,
    EngineSets,
    NamedEngine,
    check_precision,
    find_engine,
    find_outputs,
    find_sets,
    group_named,
    is_dense,
    update_digest,
    wrap_engine,
)
from composer.blueprint import Blueprint, Names, Plan, listed
from composer.errors import InputError
from composer.graph.modules import device_of
from composer.layers import Engine
from composer.structures import iterate_tensors

if TYPE_CHECKING:
    from composer.graph.graph import Graph

QUANTISED = "int8"


def find_engine_sets(
    graph: Graph,
    engine: str | Engine,
    nodes: Names | None,
    precision: str,
    calibrate: Iterable[Any] | None,
    *,
    cache: bool,
) -> EngineSets:
    """The sets of a graph's nodes that an engine runs: see `Graph.accelerate`.

    Args:
        graph: a graph with modules of its own.
        engine: the engine.
        nodes: the nodes; all that it takes if None.
        precision: the precision.
        calibrate: inputs of the graph to quantise on.
        cache: whether compiled sets are kept on disk.

    Raises:
        InputError: an option does not fit the engine, the graph or the nodes.
        NameResolutionError: a name is no node's.
    """
    named = find_engine(engine) if isinstance(engine, str) else wrap_engine(engine)
    check_precision(named, precision)
    _check_calibration(precision, calibrate)
    if (device := device_of(graph).type) not in named.engine.devices:
        known = ", ".join(named.engine.devices)
        raise InputError(f"the engine '{named.name}' runs on {known}, and the graph is on {device}")
    chosen = _choose(graph, named, nodes, precision)
    if not chosen:
        raise InputError(
            f"the engine '{named.name}' can take no node of this graph: no node type says that "
            "it is dense (see `Optimization.dense`)"
        )
    dependencies, outputs = graph.blueprint.dependencies("inference"), find_outputs(graph.blueprint)
    kept = CompiledCache(is_kept=cache)
    sets = [
        EngineSet(
            dependencies, paths, named, precision, outputs, kept, is_required=nodes is not None
        )
        for paths in chosen
    ]
    if calibrate is not None:
        _calibrate(graph, sets, calibrate)
    return EngineSets(tuple(sets))


def plan_with_engine(plan: Plan, blueprint: Blueprint, engine: str, precision: str) -> Plan:
    """A plan with the sets that an engine would run, for which nothing is built.

    Args:
        plan: a plan of inference.
        blueprint: the checked spec that it was made on.
        engine: name of the engine.
        precision: the precision.

    Raises:
        InputError: there is no such engine, it is not installed, or it lacks the precision.
    """
    named = find_engine(engine)
    check_precision(named, precision)
    dependencies, outputs = blueprint.dependencies("inference"), find_outputs(blueprint)

    def takes(path: str) -> bool:
        node = dependencies.nodes[path]
        is_own = node.device is not None or node.draws_in("inference")
        return path in plan.paths and not is_own and is_dense(node)

    sets = [
        EngineSet(dependencies, paths, named, precision, outputs, CompiledCache())
        for paths in find_sets(dependencies, takes)
    ]
    return EngineSets(tuple(sets)).fuse(plan)


def _check_calibration(precision: str, calibrate: Iterable[Any] | None) -> None:
    if isinstance(calibrate, (str, os.PathLike, Mapping)):
        raise InputError(
            "calibrate takes several inputs of the graph, batches of records for instance, not "
            f"{type(calibrate).__name__}"
        )
    if precision == QUANTISED and calibrate is None:
        raise InputError("int8 needs images to be calibrated on: name a folder of yours")
    if precision != QUANTISED and calibrate is not None:
        raise InputError(f"calibration is for int8, and the precision is {precision}")


def _choose(
    graph: Graph, engine: NamedEngine, nodes: Names | None, precision: str
) -> Sequence[tuple[str, ...]]:
    """The sets; of nodes that a user named, those that they are connected to.

    Raises:
        InputError: the engine cannot take a named node, or a set of them is not convex.
    """
    dependencies = graph.blueprint.dependencies("inference")
    callables: Mapping[str, Callable[..., Any]] = graph.callables

    def refuse(path: str) -> str:
        node = dependencies.nodes[path]
        if node.module_path not in callables:
            return "it was not built"
        if node.device is not None:
            return f"it has a device of its own, {node.device}"
        if not is_dense(node):
            return f"{node.label or node.type_name} does not say that it is dense"
        if node.draws_in("inference"):
            return "it draws numbers"
        if not engine.engine.takes(callables[node.module_path], precision):
            return f"the engine has no operation for a layer of it in {precision}"
        return ""

    if nodes is None:
        return find_sets(dependencies, lambda path: not refuse(path))
    if not listed(nodes):
        raise InputError("no node is named; leave `nodes` out for all that the engine can take")
    wanted: list[str] = []
    for name in listed(nodes):
        full = graph.resolve_node(name)
        if full in dependencies.nodes:
            if reason := refuse(full):
                raise InputError(f"the engine '{engine.name}' cannot take node '{full}': {reason}")
            wanted.append(full)
        else:
            below = [path for path in dependencies.nodes if path.startswith(f"{full}.")]
            wanted += [path for path in below if not refuse(path)]
    return group_named(dependencies, dict.fromkeys(wanted))


def _calibrate(graph: Graph, sets: Sequence[EngineSet], inputs: Iterable[Any]) -> None:
    """Runs a graph on inputs and gives each set the values that entered it.

    Raises:
        InputError: if there are no inputs.
    """
    slots = list(dict.fromkeys(slot for each in sets for slot in each.entering))
    digest, samples = hashlib.sha256(), []
    with torch.no_grad():
        for given in inputs:
            for tensor in iterate_tensors(given):
                update_digest(digest, tensor)
            session = graph.session(given, mode="inference", seed=0)
            samples.append({slot: session[str(slot)] for slot in slots})
    if not samples:
        raise InputError("int8 needs at least one image to be calibrated on")
    for each in sets:
        own = [{slot: sample[slot] for slot in each.entering} for sample in samples]
        each.calibration = Calibration(digest.hexdigest(), own)
