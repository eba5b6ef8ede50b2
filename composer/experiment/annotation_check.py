"""Checks that the training set has the annotations of a model's losses: masks, keypoints, ..."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from composer.blueprint import Blueprint
from composer.data import Dataset, Record
from composer.errors import InputError
from composer.graph import Graph
from composer.structures import KeypointLogits, Losses, MaskLogits, SemanticLogits


class _Kind(NamedTuple):
    """The annotations that a loss needs, by the type of the predictions that it compares."""

    predictions: Any
    name: str
    is_in: Callable[[Record], bool]


_KINDS = (
    _Kind(MaskLogits, "masks", lambda record: any(a.segmentation for a in record.annotations)),
    _Kind(
        KeypointLogits,
        "keypoints",
        lambda record: any(a.keypoints is not None for a in record.annotations),
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
                raise InputError(
                    f"'{graph.spec.name}' is trained on {kind.name} (node '{path}'), and the "
                    f"dataset '{dataset.name}' has none: choose a model without, or other "
                    "annotations"
                )


def _list_predictions(blueprint: Blueprint) -> Iterator[tuple[str, Any]]:
    """The nodes that return losses, each with the type of a value that they compare."""
    for node in blueprint.nodes.values():
        if Losses not in node.outputs_in("training").values():
            continue
        for argument in node.arguments.get("training", {}).values():
            for slot in argument.slots:
                if slot.path in blueprint.nodes:
                    yield node.path, blueprint.nodes[slot.path].outputs_in("training")[slot.port]
