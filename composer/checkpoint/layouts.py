"""Layouts of checkpoints: the weights in the content of a pickle or a file of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from composer.errors import CheckpointError

# Keys under which the weights are found, and the family of checkpoints that uses them.
_SECTIONS = {
    "model": "",  # detectron2
    "model_state": "pycls",
    "blobs": "",  # Detectron1
    "state_dict": "",  # mmdetection, Lightning
}
_OUR_METADATA = "composer"
_AUTHOR = "__author__"
HEURISTICS = "matching_heuristics"
_BATCH_COUNT = "num_batches_tracked"


@dataclass(frozen=True)
class Contents:
    """The parts of a checkpoint, with the keys that they have in the file.

    Attributes:
        tensors: key -> tensor.
        metadata: the metadata of the file.
        training_state: everything else.
        matching_heuristics: its keys are to be matched by suffix.
        family: the codebase that wrote it, where that shows; else empty.
    """

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=dict)
    training_state: Mapping[str, object] = field(default_factory=dict)
    matching_heuristics: bool = False
    family: str = ""


def find_contents(document: object, *, source: str) -> Contents:
    """Separates the weights in `document` from everything else.

    Args:
        document: a state dict, or a dict with one under a known key.
        source: name of the file, for messages.

    Raises:
        CheckpointError: there are no weights in it.
    """
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise CheckpointError(
            f"{source}: it holds a {type(document).__name__}, and a checkpoint is a dict of "
            "tensors by name."
        )
    rest = dict(document)
    section = next((key for key in _SECTIONS if isinstance(rest.get(key), dict)), None)
    weights = rest if section is None else rest.pop(section)
    tensors, others = _split(weights)
    if not tensors:
        raise CheckpointError(f"{source}: it has no tensors. Its keys: {_listing(weights)}.")
    rest = others if section is None else {**rest, **others}
    family = _SECTIONS.get(section or "", "")
    if family == "pycls":
        tensors = {k: v for k, v in tensors.items() if not k.endswith(_BATCH_COUNT)}
    return Contents(
        tensors=tensors,
        metadata=_take_metadata(rest),
        matching_heuristics=bool(rest.pop(HEURISTICS, False)) or family == "pycls",
        training_state=rest,
        family=family,
    )


def _split(weights: dict[object, object]) -> tuple[dict[str, Tensor], dict[str, object]]:
    tensors: dict[str, Tensor] = {}
    others: dict[str, object] = {}
    for key, value in weights.items():
        if isinstance(value, Tensor):
            tensors[str(key)] = value.detach()
        elif isinstance(value, (np.ndarray, np.generic)):
            tensors[str(key)] = _tensor_of(np.asarray(value))
        else:
            others[str(key)] = value
    return tensors, others


def _tensor_of(array: NDArray[np.generic]) -> Tensor:
    # The copy makes the tensor writable and gives it the byte order of this machine.
    return torch.from_numpy(
        np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=True)
    )


def _take_metadata(rest: dict[str, object]) -> dict[str, str]:
    metadata = {}
    described = rest.pop(_OUR_METADATA, None)
    if isinstance(described, dict):
        metadata = {str(key): str(value) for key, value in described.items()}
    author = rest.pop(_AUTHOR, None)
    if isinstance(author, str):
        metadata["author"] = author
    return metadata


def _listing(weights: Mapping[object, object], limit: int = 8) -> str:
    shown = ", ".join(f"{key!s:.40}" for key in list(weights)[:limit])
    return shown + (", ..." if len(weights) > limit else "") or "none"
