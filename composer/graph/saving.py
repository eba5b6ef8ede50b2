"""Checkpoints out of a graph: its weights, by node, and what it is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from composer.checkpoint import format_for, write_checkpoint
from composer.errors import CheckpointError
from composer.graph.description import describe_graph
from composer.graph.sharding import gather_state, is_sharded
from composer.graph.weights import key_prefix, module_at, modules_below
from composer.language import Spec
from composer.module_tree import own_state

if TYPE_CHECKING:
    from composer.graph.graph import Graph


def save_weights(
    graph: Graph,
    path: str | os.PathLike[str],
    nodes: Sequence[str] | None,
    *,
    dtype: torch.dtype | None,
    spec: Spec,
) -> None:
    """Writes a graph's weights and its description.

    Args:
        graph: the graph. If it is sharded, all processes call this, and the first one writes.
        path: a `.safetensors` or `.pth` file.
        nodes: nodes or nested graphs; all by default.
        dtype: what floating-point weights are stored as; as they are if None.
        spec: what the file is to say that the graph was built from.

    Raises:
        CheckpointError: if the file cannot be written, or a weight is out of the range of `dtype`.
        NameResolutionError: if a name is no node's.
    """
    names = None if nodes is None else [graph.resolve_node(name) for name in nodes]
    if names is None and graph.blueprint.is_part:
        names = modules_below(graph, [""])  # the file says that the others are not in it
    format_ = format_for(path)
    state = gather_state(graph) if is_sharded(graph) else None
    if state == {}:  # the first process has it, and writes
        return
    tensors = _collect(graph, names, state)
    if dtype is not None:
        tensors = _converted(tensors, dtype)
    write_checkpoint(path, tensors, metadata=describe_graph(graph, spec, names), format=format_)


def write_weights(graph: Graph, path: str | os.PathLike[str], state: Mapping[str, Tensor]) -> None:
    """Writes a graph with the weights of a state dict, such as `gather_state` gives.

    The file is one of a run folder: a symbolic link of its name is replaced.

    Args:
        graph: the graph.
        path: a `.safetensors` or `.pth` file.
        state: its weights by key.

    Raises:
        CheckpointError: if the file cannot be written.
    """
    tensors = _collect(graph, None, state)
    metadata = describe_graph(graph, graph.spec, None)
    file_format = format_for(path)
    write_checkpoint(path, tensors, metadata=metadata, format=file_format, follow_links=False)


def _collect(
    graph: Graph, names: Sequence[str] | None, state: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """The weights of nodes and nested graphs, or of all, as they are now or in a state dict."""
    prefixes = {
        node: key_prefix(graph.blueprint.nodes[node].namespace)
        for node in modules_below(graph, names or [""])
    }
    return {
        prefix + name: tensor if state is None else state[prefix + name]
        for node, prefix in prefixes.items()
        for name, tensor in own_state(module_at(graph, node)).items()
    }


def _converted(tensors: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """The tensors with those of floating-point numbers as another type."""
    if not dtype.is_floating_point:
        raise CheckpointError(f"weights are stored as floating-point numbers, not as {dtype}")
    converted: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        stored = tensor.to(dtype) if tensor.is_floating_point() else tensor
        if stored is not tensor and not _is_finite(stored) and _is_finite(tensor):
            largest = tensor.abs().max().item()
            raise CheckpointError(f"'{key}' has values up to {largest:.3g}, too large for {dtype}")
        converted[key] = stored
    return converted


def _is_finite(tensor: Tensor) -> bool:
    return bool(tensor.float().isfinite().all())
