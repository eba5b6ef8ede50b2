"""The choice of candidates for a graph: those that fill most of it, and fit what it expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from composer.blueprint import Blueprint, resolve_spec
from composer.checkpoint import LoadReport, describe_checkpoint
from composer.construction import check_spec
from composer.errors import ComposerError
from composer.graph import Graph, LoadOptions, load_weights, read_model
from composer.language import Spec, load_spec
from composer.module_tree import own_state
from composer.pretrained.candidates import Candidate, Normalisation, list_candidates

_FORGIVING = LoadOptions(skip_mismatched=True, allow_missing=True, allow_unexpected=True)
_TOLERANCE = 0.05
# Configuration that weights do not depend on, or only in shapes, which are compared anyway.
_INDIFFERENT = {"norm", "freeze_at", "num_classes", "num_keypoints", "drop_path_rate", "recompute"}


@dataclass(frozen=True)
class Filling:
    """What one candidate filled.

    Attributes:
        candidate: the candidate.
        reports: the reports of the load, one for each node.
    """

    candidate: Candidate
    reports: tuple[LoadReport, ...]


def fill_with_best(graph: Graph, candidates: Sequence[Candidate] | None = None) -> list[Filling]:
    """Loads the best candidates into a graph of random weights.

    The first is the one that fills most tensors; others follow for nodes that are random still.
    A candidate fits nodes of its type, in its configuration, if the model normalises images as
    they were in its training. A whole model fills the nodes that have the same path and type
    there. Tensors of another shape, such as those of other classes, stay random.

    Args:
        graph: the graph.
        candidates: the candidates; all that are at hand by default.

    Returns:
        What was filled; nothing if no candidate fits.
    """
    found = list_candidates() if candidates is None else candidates
    fitting = [(one, _find_nodes(graph, one)) for one in found]
    ranked = sorted(fitting, key=lambda pair: -sum(pair[1].values()))
    fillings = []
    for candidate, nodes in ranked:
        random = [node for node in graph.random_nodes if nodes.get(node)]
        if random and (filling := _fill(graph, candidate, random)) is not None:
            fillings.append(filling)
    return fillings


def _fill(graph: Graph, candidate: Candidate, nodes: Sequence[str]) -> Filling | None:
    try:
        reports = load_weights(graph, dict.fromkeys(nodes, candidate.file), _FORGIVING)
    except ComposerError:  # a file that cannot be read is no candidate
        return None
    return Filling(candidate, reports)


def _find_nodes(graph: Graph, candidate: Candidate) -> dict[str, int]:
    """The nodes that a candidate fits, each with about how many tensors."""
    try:
        if candidate.node_type:
            return _find_nodes_of_type(graph, candidate)
        spec = _load_spec(candidate)
        if not _is_alike(graph.blueprint, candidate.normalisation or _find_normalisation(spec)):
            return {}
        if isinstance(candidate.spec, Mapping):
            return _find_equal_nodes(graph, spec)
        shapes = describe_checkpoint(candidate.file).shapes if candidate.spec is None else None
        return _find_shared_nodes(graph, spec, shapes)
    except ComposerError:
        return {}


def _find_nodes_of_type(graph: Graph, candidate: Candidate) -> dict[str, int]:
    expected = candidate.normalisation
    if expected is not None and not _is_alike(graph.blueprint, expected):
        return {}
    return {
        path: _count_tensors(graph, path)
        for path, node in graph.blueprint.nodes.items()
        if _bare(node.uses) == candidate.node_type
        and path in graph.random_nodes
        and all(node.config.get(key) == value for key, value in candidate.config.items())
    }


def _find_shared_nodes(
    graph: Graph, spec: Spec, shapes: Mapping[str, tuple[int, ...]] | None
) -> dict[str, int]:
    """The nodes of a graph that another spec has, too, by the number of tensors of one shape."""
    theirs = resolve_spec(spec).nodes
    found = {}
    for path in graph.random_nodes:
        node, other = graph.blueprint.nodes[path], theirs.get(path)
        if other is None or _bare(other.uses) != _bare(node.uses):
            continue
        if shapes is None:
            found[path] = _count_tensors(graph, path)
            continue
        prefix = f"{other.namespace}." if other.namespace else ""
        state = _own_state(graph, path)
        num = sum(shapes.get(prefix + name) == tuple(t.shape) for name, t in state.items())
        if num:
            found[path] = num
    return found


def _find_equal_nodes(graph: Graph, spec: Spec) -> dict[str, int]:
    """The nodes of a graph that another spec has with the same configuration.

    Names and shapes do not tell a deeper backbone from a shallow one.
    """
    theirs, found = check_spec(spec).nodes, {}
    for path in graph.random_nodes:
        node, other = graph.blueprint.nodes[path], theirs.get(path)
        if other is None or _bare(other.uses) != _bare(node.uses):
            continue
        keys = {*node.config, *other.config} - _INDIFFERENT
        if all(node.config.get(key) == other.config.get(key) for key in keys):
            found[path] = _count_tensors(graph, path)
    return found


def _count_tensors(graph: Graph, path: str) -> int:
    return len(_own_state(graph, path))


def _own_state(graph: Graph, path: str) -> dict[str, Any]:
    return own_state(graph.module(path))


def _load_spec(candidate: Candidate) -> Spec:
    return load_spec(candidate.spec or read_model(candidate.file).spec)


def _bare(uses: str) -> str:
    return uses.rpartition("/")[2]


def _is_alike(blueprint: Blueprint, other: Normalisation | None) -> bool:
    """Whether a model normalises images in this way, as far as both say how."""
    ours = _normalisation_of(
        {_bare(node.uses): node.config for node in blueprint.nodes.values()},
        blueprint.spec,
    )
    if ours is None or other is None:
        return ours is other
    close = all(
        abs(a - b) <= _TOLERANCE
        for a, b in zip((*ours.mean, *ours.std), (*other.mean, *other.std), strict=True)
    )
    return close and ours.channel_order == other.channel_order


def _find_normalisation(spec: Spec) -> Normalisation | None:
    """How a spec of which nothing is checked normalises images."""
    nodes = check_spec(spec).nodes.values()
    return _normalisation_of({_bare(node.uses): node.config for node in nodes}, spec)


def _normalisation_of(configs: Mapping[str, Mapping[str, Any]], spec: Spec) -> Normalisation | None:
    """The normalisation of a model's node that has `pixel_mean`; None if there is none."""
    orders = [i.image.channel_order for i in spec.graph.inputs.values() if i.image is not None]
    for config in configs.values():
        if "pixel_mean" in config and orders:
            mean, std = config["pixel_mean"], config["pixel_std"]
            return Normalisation(orders[0], tuple(mean), tuple(std))
    return None
