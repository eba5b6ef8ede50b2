"""Whether the datasets have what a model learns: masks, keypoints, classes of pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from composer.blueprint import Blueprint
from composer.data.dataset import Dataset
from composer.data.records import Record
from composer.errors import InputError
from composer.graph import Graph
from composer.structures import KeypointLogits, Losses, MaskLogits, SemanticLogits


class _Subject(NamedTuple):
    """What a loss learns, by the type of the values that it compares."""

    compared: Any
    name: str
    is_in: Callable[[Record], bool]


_SUBJECTS = (
    _Subject(MaskLogits, "masks", lambda record: any(a.segmentation for a in record.annotations)),
    _Subject(
        KeypointLogits,
        "keypoints",
        lambda record: any(a.keypoints is not None for a in record.annotations),
    ),
    _Subject(
        SemanticLogits,
        "classes of pixels",
        lambda record: record.sem_seg_file is not None or record.panoptic_file is not None,
    ),
)


def require_annotations(graph: Graph, dataset: Dataset) -> None:
    """Makes sure that the data have what the losses of a model compare with.

    Args:
        graph: the model.
        dataset: what is learnt from.

    Raises:
        InputError: a loss learns something that no image has.
    """
    for path, compared in _list_compared(graph.blueprint):
        for subject in _SUBJECTS:
            if compared == subject.compared and not any(map(subject.is_in, dataset.records)):
                raise InputError(
                    f"'{graph.spec.name}' learns {subject.name} (node '{path}'), and the dataset "
                    f"'{dataset.name}' has none: take a model without, or other annotations"
                )


def _list_compared(blueprint: Blueprint) -> Iterator[tuple[str, Any]]:
    """The nodes that give losses, each with a type of what goes into them from other nodes."""
    for node in blueprint.nodes.values():
        if Losses not in node.outputs_in("training").values():
            continue
        for argument in node.arguments.get("training", {}).values():
            for slot in argument.slots:
                if slot.path in blueprint.nodes:
                    yield node.path, blueprint.nodes[slot.path].outputs_in("training")[slot.port]
