"""Sections of a checkpoint: the state dicts in it, and which of them is loaded by default.

Training scripts put weights under all kinds of keys, often twice: as they are, and as an
exponential moving average. Averaged weights are what their authors evaluate, and come first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_MAX_DEPTH = 3
_NUMBERS = "biufc"  # kinds of numpy's dtypes
_AVERAGED = (
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
    "ema_model",
    "ema_model_state_dict",
    "model_ema_state_dict",
    "ema_state",
    "params_ema",
    "averaged_model",
    "swa_state_dict",
    "ema",
    "teacher",
)
_PLAIN = (
    "model",  # detectron2
    "model_state",  # pycls
    "blobs",  # Detectron1
    "state_dict",  # mmdetection, Lightning, timm
    "model_state_dict",
    "model_weights",
    "weights",
    "params",
    "net",
    "network",
    "module",
    "student",
    "checkpoint",
)
_AVERAGE = re.compile(r"^(ema|swa)(_|$)|(_|model)(ema|swa)(_|$)|teacher|averaged|^avg_model")
# What a training keeps beside the weights, some of it in tensors.
_OTHERS = ("optimizer", "optim", "scheduler", "scaler", "loss", "criterion", "callbacks", "rng")
_WRAPPERS = frozenset({*_AVERAGED, *_PLAIN, "_orig_mod", "_forward_module", "model_s", "model_t"})


@dataclass(frozen=True)
class Section:
    """One state dict of a checkpoint.

    Attributes:
        name: the keys that lead to it, joined by dots; empty for the whole file.
        tensors: key -> tensor.
        others: what is not a tensor in it.
    """

    name: str
    tensors: Mapping[str, Tensor]
    others: Mapping[str, object]

    @property
    def is_averaged(self) -> bool:
        """Whether its name is one of averaged weights."""
        return is_averaged(self.name)


def is_averaged(name: str) -> bool:
    """Whether a dotted name is one of averaged weights."""
    return any(_AVERAGE.search(part) for part in _lower_parts(name))


def is_wrapper(prefix: str) -> bool:
    """Whether a prefix of keys consists of names that are commonly put around a network's own."""
    return bool(prefix) and all(part in _WRAPPERS for part in _lower_parts(prefix))


def find_sections(document: Mapping[str, object]) -> list[Section]:
    """The state dicts in a document, the preferred one first; none if there are no tensors.

    A file with tensors beside one another at its top is one state dict.
    """
    found = sorted(_walk(document, "", 0), key=_rank)
    known = [section for section in found if _rank(section) < len(_AVERAGED + _PLAIN)]
    return known or found


def _rank(section: Section) -> int:
    """The order of preference: averaged weights, weights, then all that has another name."""
    order = (*_AVERAGED, *_PLAIN)
    if not section.name:
        return 0
    ranks = [order.index(part) for part in _lower_parts(section.name) if part in order]
    return min(ranks, default=len(order))


def _lower_parts(name: str) -> list[str]:
    return name.lower().strip(".").split(".")


def _walk(document: Mapping[str, object], name: str, depth: int) -> Iterator[Section]:
    tensors, others = split_tensors(document)
    inner = [
        section
        for key, value in others.items()
        if depth < _MAX_DEPTH and _is_state_dict(value, key)
        for section in _walk(value, f"{name}.{key}" if name else key, depth + 1)
    ]
    # A few tensors beside state dicts are counters, such as the number of averaged models.
    if tensors and not (inner and len(tensors) < min(len(one.tensors) for one in inner)):
        yield Section(name, tensors, others)
    yield from inner


def _is_state_dict(value: object, key: str) -> TypeGuard[Mapping[str, object]]:
    if any(part in key.lower() for part in _OTHERS):
        return False
    return isinstance(value, dict) and all(isinstance(inner, str) for inner in value)


def split_tensors(weights: Mapping[str, object]) -> tuple[dict[str, Tensor], dict[str, object]]:
    """The tensors and arrays of a mapping, as tensors, and everything else."""
    tensors: dict[str, Tensor] = {}
    others: dict[str, object] = {}
    for key, value in weights.items():
        if isinstance(value, Tensor):
            tensors[str(key)] = value.detach()
        elif isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in _NUMBERS:
            tensors[str(key)] = _tensor_of(np.asarray(value))
        else:
            others[str(key)] = value
    return tensors, others


def _tensor_of(array: NDArray[np.generic]) -> Tensor:
    # The copy makes the tensor writable and gives it the byte order of this machine.
    return torch.from_numpy(
        np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=True)
    )
