"""The weights that a model would have, read from its checkpoints without building it."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, nn

from composer.blueprint import Blueprint
from composer.construction import build_on_meta, instantiate
from composer.garbage_collection import paused_collection
from composer.graph.built_graph import BuiltGraph
from composer.graph.weights import LoadOptions, Weights, match_weights, node_weights

_OPTIONS = LoadOptions()


class StoredWeights(NamedTuple):
    """The weights of a model by node.

    Attributes:
        tensors: node path -> name within the node -> tensor, as it is in the file.
        random: the nodes that have weights, none of which is in a checkpoint.
    """

    tensors: dict[str, dict[str, Tensor]]
    random: list[str]


def read_weights(
    blueprint: Blueprint, weights: Weights, options: LoadOptions = _OPTIONS
) -> StoredWeights:
    """Reads the weights of a checked model; modules are built without numbers.

    Args:
        blueprint: the checked spec.
        weights: a checkpoint, or checkpoints by node.
        options: what is forgiven.

    Raises:
        CheckpointError: if a file cannot be read.
        CheckpointMismatchError: if one does not fit.
        NameResolutionError: if a name is no node's.
    """
    with paused_collection():
        graph = BuiltGraph(blueprint, _build_without_numbers(blueprint))
    found: dict[str, dict[str, Tensor]] = {}
    for matching in match_weights(graph, weights, options):
        for path, tensors in matching.assignment.items():
            if tensors:
                found.setdefault(path, {}).update(tensors)
    return StoredWeights(found, [path for path in node_weights(graph) if path not in found])


def _build_without_numbers(blueprint: Blueprint) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for path, node in blueprint.nodes.items():
        if not node.arguments or node.module_path in built or node.same_as is not None:
            continue
        assert node.contract is not None
        is_module = node.contract.is_module
        built[path] = _build_module(partial(instantiate, node)) if is_module else instantiate(node)
    return built


def _build_module(build: partial[Any]) -> nn.Module:
    return build_on_meta(build)
