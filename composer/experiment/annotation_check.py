"""Checks that the training set has the annotations of a model's losses: masks, keypoints, ..."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from composer.blueprint import Blueprint, resolve_spec
from composer.data import Annotation, Dataset, Record, can_mirror, describe_unknown_flips
from composer.discovery import DISTRIBUTION, shipped_specs
from composer.errors import InputError, SpecError
from composer.experiment.datasets import Datasets
from composer.experiment.experiment import Experiment
from composer.graph import Graph
from composer.language import load_spec
from composer.structures import KeypointLogits, Losses, MaskLogits, SemanticLogits


class _Kind(NamedTuple):
    """The annotations that a loss needs, by the type of the predictions that it compares."""

    predictions: Any
    name: str
    is_in: Callable[[Record], bool]


def _targets(record: Record) -> Iterator[Annotation]:
    """The objects of an image that are trained on: crowds and difficult ones are not."""
    return (one for one in record.annotations if not (one.is_crowd or one.is_difficult))


_KINDS = (
    _Kind(MaskLogits, "masks", lambda record: any(a.segmentation for a in _targets(record))),
    _Kind(
        KeypointLogits,
        "keypoints",
        lambda record: any(a.keypoints is not None for a in _targets(record)),
    ),
    _Kind(
        SemanticLogits,
        "classes of pixels",
        lambda record: record.sem_seg_file is not None or record.panoptic_file is not None,
    ),
)


def require_annotations(graph: Graph, dataset: Dataset) -> None:
    """Checks that the training set has the annotations that the losses of a model need.

    Args:
        graph: the model.
        dataset: the training set.

    Raises:
        InputError: no image has the annotations of a loss.
    """
    for path, predictions in _list_predictions(graph.blueprint):
        for kind in _KINDS:
            if predictions == kind.predictions and not any(map(kind.is_in, dataset.records)):
                other = _find_simpler(graph.blueprint, path)
                raise InputError(
                    f"'{graph.spec.name}' is trained on {kind.name} (node '{path}'), and the "
                    f"dataset '{dataset.name}' has none: choose a model without"
                    f"{f', such as {other!r},' if other else ','} or other annotations"
                )


def without_mirrored_keypoints(
    experiment: Experiment, datasets: Datasets, graph: Graph
) -> Datasets:
    """The datasets without keypoints that would be mirrored wrongly, where no loss needs them.

    Args:
        experiment: the experiment, whose augmentations may mirror images.
        datasets: its datasets.
        graph: the model.

    Raises:
        InputError: keypoints are trained on and mirrored, and it is not known which change places.
    """
    calls = experiment.document.train.augmentations or ()
    metadata = datasets.metadata
    if metadata.can_be_mirrored or not can_mirror(call.augmentation for call in calls):
        return datasets
    if any(kind == KeypointLogits for _, kind in _list_predictions(graph.blueprint)):
        raise InputError(f"dataset '{datasets.train.name}': {describe_unknown_flips(metadata)}")
    by_name = {name: _without_keypoints(dataset) for name, dataset in datasets.by_name.items()}
    return replace(datasets, by_name=by_name)


def _without_keypoints(dataset: Dataset) -> Dataset:
    metadata = replace(dataset.metadata, keypoint_names=(), keypoint_connections=())
    return replace(dataset, metadata=metadata)


def _list_predictions(blueprint: Blueprint) -> Iterator[tuple[str, Any]]:
    """The nodes that return losses, each with the type of a value that they compare."""
    for node in blueprint.nodes.values():
        if Losses not in node.outputs_in("training").values():
            continue
        for argument in node.arguments.get("training", {}).values():
            for slot in argument.slots:
                if slot.path in blueprint.nodes:
                    yield node.path, blueprint.nodes[slot.path].outputs_in("training")[slot.port]


def _find_simpler(blueprint: Blueprint, path: str) -> str | None:
    """The shipped spec that shares most nodes with a model, and lacks one; None if none is alike.

    All of its nodes are nodes of the model: it is the same without a branch.

    Args:
        blueprint: the model.
        path: the node that is not to be there.
    """
    ours = {(p, _bare(node.uses)) for p, node in blueprint.nodes.items()}
    found: dict[str, int] = {}
    for name in shipped_specs():
        try:
            nodes = resolve_spec(load_spec(f"{DISTRIBUTION}/{name}")).nodes
        except SpecError:
            continue
        theirs = {(p, _bare(node.uses)) for p, node in nodes.items()}
        if path not in nodes and theirs <= ours:
            found[name] = len(theirs)
    return max(found, key=lambda name: found[name], default=None)


def _bare(uses: str) -> str:
    return uses.rpartition("/")[2]
