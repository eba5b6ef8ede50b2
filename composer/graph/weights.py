"""Checkpoints into a graph, by node."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypedDict, cast

from torch import Tensor, nn

from composer.checkpoint import (
    Checkpoint,
    ExpectedTensors,
    KeyMapping,
    LoadReport,
    Matching,
    NodeReport,
    PrefixIndex,
    ReadingOptions,
    Resize,
    match_tensors,
    read_fitting,
)
from composer.errors import InputError
from composer.graph.description import Provenance, find_namespaces
from composer.graph.sharding import is_first_process, is_sharded, scatter_state
from composer.module_tree import own_state
from composer.names import resolve_name

if TYPE_CHECKING:
    from composer.graph.built_graph import BuiltGraph
    from composer.graph.graph import Graph

_LOGGER = logging.getLogger(__name__)

Weights = str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]]


class LoadArguments(TypedDict, total=False):
    """The fields of `LoadOptions` as keyword arguments."""

    skip_mismatched: bool
    allow_missing: bool
    allow_unexpected: bool
    key_mapping: str | KeyMapping | None
    section: str | None


@dataclass(frozen=True)
class LoadOptions:
    """What is forgiven when a checkpoint does not fit, and how it is read.

    Args:
        skip_mismatched: weights of another shape stay as they are.
        allow_missing: weights that the file lacks stay as they are.
        allow_unexpected: weights that the graph lacks are passed over.
        key_mapping: the key mapping to use, by its name or itself; "none" for none; None for the
            one that fits best, if one fits better than the names as they are.
        section: the state dict, or the prefix of keys, to read of a file that has several.
    """

    skip_mismatched: bool = False
    allow_missing: bool = False
    allow_unexpected: bool = False
    key_mapping: str | KeyMapping | None = None
    section: str | None = None

    def overridden_by(self, given: LoadOptions) -> LoadOptions:
        """These options, with given ones in their place; false and empty ones change nothing."""
        values = {field.name: getattr(given, field.name) for field in fields(given)}
        return replace(self, **{name: value for name, value in values.items() if value})

    @classmethod
    def split(cls, arguments: Mapping[str, Any]) -> tuple[LoadArguments, dict[str, Any]]:
        """Separates the arguments that are options of the load from others."""
        names = {field.name for field in fields(cls)}
        options = {name: value for name, value in arguments.items() if name in names}
        rest = {name: value for name, value in arguments.items() if name not in names}
        return cast("LoadArguments", options), rest


def load_weights(
    graph: Graph,
    weights: Weights,
    options: LoadOptions = LoadOptions(),
    *,
    prefix: str | None = None,
) -> tuple[LoadReport, ...]:
    """Loads checkpoints into a graph; nothing is changed unless all of them fit.

    Args:
        graph: the graph; of one that was built in part, only what is there is loaded.
        weights: a checkpoint, or checkpoints by node, the empty name for all.
        options: what is forgiven.
        prefix: the nodes' key prefix in the file, if it is not their namespace.

    Returns:
        A report for each checkpoint.

    Raises:
        CheckpointError: if a file cannot be read.
        CheckpointMismatchError: if one does not fit.
        NameResolutionError: if a name is no node's.
    """
    matched = match_weights(graph, weights, options, prefix=prefix)
    for matching in matched:
        _assign(graph, matching)
        graph.provenance.append(Provenance.of(matching.report))
    return tuple(matching.report for matching in matched)


def match_weights(
    graph: BuiltGraph,
    weights: Weights,
    options: LoadOptions = LoadOptions(),
    *,
    prefix: str | None = None,
) -> list[Matching]:
    """Finds the tensors of checkpoints for a graph, as `load_weights` does; nothing is changed.

    Args:
        graph: the graph; its weights may be on the meta device.
        weights: a checkpoint, or checkpoints by node, the empty name for all.
        options: what is forgiven.
        prefix: the nodes' key prefix in the file, if it is not their namespace.

    Raises:
        ComposerError: as for `load_weights`.
    """
    by_node = _by_node(weights)
    matched: list[Matching] = []
    for name, file in by_node.items():
        found = _match(graph, name, file, options, prefix)
        if found is None:
            continue
        found.report.raise_if(
            skip_mismatched=options.skip_mismatched,
            allow_missing=options.allow_missing,
            allow_unexpected=options.allow_unexpected,
        )
        matched.append(found)
    return matched


def node_weights(graph: BuiltGraph) -> dict[str, dict[str, Tensor]]:
    """The weights and buffers of each node by path and name, those that were built."""
    found = {path: own_state(module_at(graph, path)) for path in modules_below(graph, [""])}
    return {path: tensors for path, tensors in found.items() if tensors}


def log_remarks(reports: Iterable[LoadReport]) -> None:
    """Logs the choices of loads, and weights that are not finite; once for all processes."""
    for report in reports if is_first_process() else ():
        for remark in report.remarks:
            _LOGGER.warning("note: %s: %s", report.source, remark)


def _by_node(weights: object) -> dict[str, str | os.PathLike[str]]:
    found = {"": weights} if isinstance(weights, (str, os.PathLike)) else weights
    if not isinstance(found, Mapping):
        raise InputError(
            f"weights are a file, or files by node, not {type(weights).__name__}: tensors go into "
            "a graph with load_state_dict"
        )
    for name, file in found.items():
        if not isinstance(name, str) or not isinstance(file, (str, os.PathLike)):
            raise InputError(
                f"weights by node are files by name, not {type(file).__name__} for {name!r:.40}"
            )
    return dict(found)


def _assign(graph: Graph, matching: Matching) -> None:
    """Gives the nodes their tensors; where they are spread over processes, all do so together."""
    if not is_sharded(graph):
        for path, tensors in matching.assignment.items():
            module_at(graph, path).load_state_dict(dict(tensors), strict=False)
        return
    state: dict[str, Tensor] = {}
    for path, tensors in matching.assignment.items():
        prefix = key_prefix(graph.blueprint.nodes[path].namespace)
        state |= {prefix + name: tensor for name, tensor in tensors.items()}
    scatter_state(graph, state)


def find_random_nodes(graph: BuiltGraph) -> list[str]:
    """The nodes that have weights, none of which came from a checkpoint."""
    filled = {path for entry in graph.provenance for path in entry.nodes}
    return [
        path
        for path in graph.callables
        if path not in filled
        and isinstance(made := graph.callables[path], nn.Module)
        and own_state(made)
    ]


def _match(
    graph: BuiltGraph,
    name: str,
    file: str | os.PathLike[str],
    options: LoadOptions,
    prefix: str | None,
) -> Matching | None:
    """How a checkpoint fits a node or nested graph; None if none of it was built."""
    path = _node_path(graph, name) if name else ""
    nodes = modules_below(graph, [path])
    if not nodes:
        return None
    targets = {node: own_state(module_at(graph, node)) for node in nodes}
    declared = graph.blueprint.nodes
    prefixes = {
        path_: key_prefix(node.namespace)
        for path_, node in declared.items()
        if node.is_module and node.same_as is None
    }
    if prefix is not None:
        own = key_prefix(path if path not in declared else declared[path].namespace)
        prefixes |= {node: prefix + prefixes[node].removeprefix(own) for node in nodes}
    checkpoint = read_fitting(
        file,
        ExpectedTensors.of(targets, prefixes),
        ReadingOptions(options.key_mapping, options.section),
        bare=prefix is None,
    )
    by_suffix = checkpoint.matching_heuristics
    strangers: tuple[str, ...] = ()
    if len(nodes) < len(prefixes) and not by_suffix:
        strangers = _find_strangers(checkpoint, prefixes.values())
        checkpoint = checkpoint.only({prefixes[node] for node in nodes})
    matching = match_tensors(
        targets,
        checkpoint,
        prefix_of=prefixes,
        partial=bool(name),
        resize=_find_resizing(graph, nodes),
    )
    if not any(node.loaded for node in matching.report.nodes.values()):
        unused = (*matching.report.unused, *strangers)  # which tell of another network
        matching = matching._replace(report=replace(matching.report, unused=unused))
    if path and path not in declared and by_suffix:
        return matching._replace(report=_without_absent(matching.report))
    return matching._replace(report=_without_other_nodes(matching.report, checkpoint, graph))


def _find_strangers(checkpoint: Checkpoint, prefixes: Iterable[str]) -> tuple[str, ...]:
    """The keys of a file that are those of no node, built or not."""
    index = PrefixIndex(prefixes)
    return tuple(key for key in checkpoint.tensors if index.find(key) is None)


def _find_resizing(graph: BuiltGraph, nodes: Iterable[str]) -> dict[str, Resize]:
    """The methods with which node types resize weights that were trained at another size."""
    found = {node: getattr(module_at(graph, node), "resize_tensor", None) for node in nodes}
    return {node: method for node, method in found.items() if callable(method)}


def _without_absent(report: LoadReport) -> LoadReport:
    """A report that forgives nodes of which the file has nothing at all.

    A file matched by suffix holds a part of a model under names of its own (an ImageNet
    classifier, say): in a nested graph it fills the nodes that it has weights of.
    """
    if not any(node.loaded for node in report.nodes.values()):
        return report
    nodes = {
        path: node if node.loaded else NodeReport(unexpected=node.unexpected)
        for path, node in report.nodes.items()
    }
    return replace(report, nodes=nodes)


def _without_other_nodes(
    report: LoadReport, checkpoint: Checkpoint, graph: BuiltGraph
) -> LoadReport:
    """A report in which weights of nodes that only the file's own model has are unused.

    A file that describes itself says whose its weights are: the masks of a model that is loaded
    into one of boxes are no mistake.
    """
    if not any(node.unexpected for node in report.nodes.values()):
        return report
    theirs = find_namespaces(checkpoint.metadata)
    others = {key_prefix(name): path for path, name in theirs.items() if name}
    prefixes = PrefixIndex(others)
    unused: dict[str, list[str]] = {}
    nodes = {}
    for place, node in report.nodes.items():
        kept = []
        for key in node.unexpected:
            path = others.get(prefixes.find(key) or "", "")
            if path and path not in graph.blueprint.nodes:
                unused.setdefault(path, []).append(key)
            else:
                kept.append(key)
        nodes[place] = replace(node, unexpected=tuple(kept))
    if not unused:
        return report
    listed = ", ".join(f"{path} ({len(keys)})" for path, keys in unused.items())
    count = sum(map(len, unused.values()))
    choice = f"{count} tensors of nodes that this model does not have are unused: {listed}"
    return replace(
        report,
        nodes={p: n for p, n in nodes.items() if n != NodeReport()},
        unused=(*report.unused, *(key for keys in unused.values() for key in keys)),
        choices=(*report.choices, choice),
    )


def _node_path(graph: BuiltGraph, name: str) -> str:
    """The full path of a node or nested graph of the whole spec, built or not."""
    paths = {
        ".".join(path.split(".")[:depth])
        for path in graph.blueprint.nodes
        for depth in range(1, path.count(".") + 2)
    }
    return resolve_name(name, paths)


def modules_below(graph: BuiltGraph, paths: Sequence[str]) -> list[str]:
    """The nodes at or below some paths that are modules and were built."""
    return [
        node
        for node in graph.callables
        if isinstance(graph.callables[node], nn.Module)
        and any(not p or node == p or node.startswith(f"{p}.") for p in paths)
    ]


def module_at(graph: BuiltGraph, path: str) -> nn.Module:
    """The module of a node."""
    return cast("nn.Module", graph.callables[path])


def key_prefix(namespace: str) -> str:
    """What the keys of a namespace begin with."""
    return f"{namespace}." if namespace else ""
