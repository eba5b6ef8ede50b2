"""The initial weights of a training: given ones, those at hand, or a start from nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from composer.catalogues import find_default, find_weights_address
from composer.checkpoint import LoadReport
from composer.downloads import find_file, without_secrets
from composer.errors import TrainingError
from composer.experiment.experiment import Experiment
from composer.graph import Graph, asks_for_published, find_frozen_random, load_weights, log_remarks
from composer.graph.weights import Weights
from composer.language import Spec
from composer.module_tree import own_state
from composer.pretrained import Filling, fill_with_best

_FROZEN = "FrozenBN"
_EPS = 1e-5  # of batch normalization in torch
_SHOWN = 4

MakeSpec = Callable[[Mapping[str, Any]], Spec]


@dataclass(frozen=True)
class InitialModel:
    """A model before its training.

    Attributes:
        graph: the model with its initial weights.
        lines: where they come from, for people.
        unfrozen: the settings that make layers trainable which would be frozen and random.
    """

    graph: Graph
    lines: tuple[str, ...]
    unfrozen: Mapping[str, Any]


def make_initial_model(
    experiment: Experiment,
    make_spec: MakeSpec,
    own_weights: Weights | None,
    *,
    only_at_hand: bool = False,
    check: Callable[[Graph], None] | None = None,
) -> InitialModel:
    """Builds the model of an experiment with its initial weights.

    Weights are those of the experiment, else the model's own, else the best that are at hand, else
    random. Random layers must not be frozen: with `from_scratch` their norms and layers are made
    trainable, and nothing is looked for.

    Args:
        experiment: the experiment.
        make_spec: makes the spec, with some values set.
        own_weights: the weights that belong to the model; None for those that its spec names.
        only_at_hand: whether weights that would be fetched are left random.
        check: refuses the model by an exception, before weights are looked for.

    Raises:
        TrainingError: random layers would be frozen.
        CheckpointError: a checkpoint cannot be read or does not fit.
    """
    document = experiment.document
    graph = Graph.open(make_spec({}), {}, seed=document.training.seed)
    if check is not None:
        check(graph)
    weights = _choose_weights(experiment, graph, own_weights)
    absent = _find_absent(weights) if only_at_hand else {}
    weights = _without(weights, absent)
    options = experiment.load_options
    reports = load_weights(graph, weights, options)
    log_remarks(reports)
    fillings = [] if weights or absent or document.from_scratch else fill_with_best(graph)
    unfrozen: dict[str, Any] = {}
    frozen = {} if absent else find_frozen_random(graph)
    if frozen and not document.from_scratch:
        raise TrainingError(_refuse(graph, frozen, has_weights=bool(weights)))
    if frozen:
        unfrozen = find_unfreezing(graph, frozen)
        graph = Graph.open(make_spec(unfrozen), {}, seed=document.training.seed)
        load_weights(graph, weights, options)
    lines = [f"weights: {without_secrets(str(file))} would be fetched" for file in absent.values()]
    lines += [*map(_describe_report, reports), *map(_describe_filling, fillings)]
    lines += _describe_random(graph, unfrozen)
    return InitialModel(graph, tuple(lines), unfrozen)


def _choose_weights(experiment: Experiment, graph: Graph, own_weights: Weights | None) -> Weights:
    if asks_for_published(experiment.weights):
        return find_default(experiment.spec).weights
    if experiment.weights is not None:
        return experiment.weights
    return graph.spec.weights if own_weights is None else own_weights


def _find_absent(weights: Weights) -> dict[str, str]:
    """The checkpoints that would have to be fetched, by node."""
    named = weights if isinstance(weights, Mapping) else {"": weights}
    return {
        node: address
        for node, file in named.items()
        if (address := find_weights_address(file)) is not None and find_file(address) is None
    }


def _without(weights: Weights, absent: Mapping[str, str]) -> Weights:
    if not absent:
        return weights
    named = weights if isinstance(weights, Mapping) else {}
    return {node: file for node, file in named.items() if node not in absent}


def find_unfreezing(graph: Graph, paths: Mapping[str, int]) -> dict[str, Any]:
    """The settings with which the layers of some nodes are trainable.

    Args:
        graph: the graph.
        paths: the nodes.
    """
    settings: dict[str, Any] = {}
    for path in paths:
        node = graph.blueprint.nodes[path]
        for key, value in node.config.items():
            if value == _FROZEN and key.endswith("norm"):
                settings[f"{path}.{key}"] = _trainable_norm(node.contract, key)
            elif key == "freeze_at" and value:
                settings[f"{path}.{key}"] = 0
            elif key.endswith("norm_eps") and value == 0:  # which only frozen ones can have
                settings[f"{path}.{key}"] = _EPS
    return settings


def _trainable_norm(contract: Any, key: str) -> str:
    """Batch normalisation as a node type calls it: BN, or nothing for a network's own."""
    known = get_args(get_type_hints(contract.target.__init__)[key])
    return "BN" if "BN" in known or not known else ""


def _refuse(graph: Graph, frozen: Mapping[str, int], *, has_weights: bool) -> str:
    nodes = ", ".join(frozen)
    why = (
        "the given weights do not fill them"
        if has_weights
        else "no trained weights that fit are at hand: none that ship, none in installed packages, "
        "none in our cache or those of torch, timm and detectron2"
    )
    return (
        f"'{graph.spec.name}' would be trained with frozen layers of random weights ({nodes}), "
        f"which never learn; {why}. Give weights (--weights FILE, 'weights' in an experiment), or "
        "train all layers from the beginning (--from-scratch, 'from_scratch: true')."
    )


def _describe_report(report: LoadReport) -> str:
    return _describe([report], Path(report.source).name)


def _describe_filling(filling: Filling) -> str:
    name = Path(filling.candidate.file).name
    return _describe(filling.reports, f"{name} ({filling.candidate.origin})")


def _describe(reports: Sequence[LoadReport], source: str) -> str:
    nodes = {path: node for report in reports for path, node in report.nodes.items()}
    loaded = {path: len(node.loaded) for path, node in nodes.items() if node.loaded}
    expected = sum(node.num_expected for path, node in nodes.items() if path in loaded)
    count = sum(loaded.values())
    return f"weights: {count} of {expected} tensors from {source}: {_list_nodes(loaded)}"


def _describe_random(graph: Graph, unfrozen: Mapping[str, Any]) -> list[str]:
    lines = []
    random = {path: len(own_state(graph.module(path))) for path in graph.random_nodes}
    if random:
        lines.append(f"random weights: {_list_nodes(random)}")
    if unfrozen:
        values = ", ".join(f"{address}={value!r}" for address, value in unfrozen.items())
        lines.append(f"trained from scratch, so not frozen: {values}")
    if left := find_frozen_random(graph):
        lines.append(f"frozen although random, as the settings say: {', '.join(left)}")
    return lines


def _list_nodes(counts: Mapping[str, int]) -> str:
    listed = [f"{path} ({count})" for path, count in counts.items()]
    more = [f"{len(listed) - _SHOWN} more nodes"] if len(listed) > _SHOWN + 1 else []
    return ", ".join([*(listed[:_SHOWN] if more else listed), *more])
