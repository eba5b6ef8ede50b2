"""Values of a graph: their tensors, size and description."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from composer.structures import iterate_tensors, map_tensors

_MAX_LISTED = 6
_MAX_ENTRIES = 8


def move(value: Any, device: str | torch.device) -> Any:
    """The value with every tensor on a device."""
    return map_tensors(lambda tensor: tensor.to(device), value)


def copy_value(value: Any) -> Any:
    """A copy that shares no memory with the value; gradients flow through it.

    What cannot be copied, such as an open file, is in both.
    """
    if isinstance(value, Tensor):
        return value.clone()
    if torch.compiler.is_compiling():  # which does not follow the copy of an object
        return map_tensors(torch.clone, value)
    clones = {id(tensor): tensor.clone() for tensor in iterate_tensors(value)}
    try:
        return copy.deepcopy(value, clones)
    except Exception:
        return map_tensors(torch.clone, value)


def carries_gradients(value: Any) -> bool:
    """Whether a tensor in a value requires gradients."""
    return any(tensor.requires_grad for tensor in iterate_tensors(value))


def needs_gradients(value: Any) -> bool:
    """Whether gradients are recorded of what is computed from a value."""
    return torch.is_grad_enabled() and carries_gradients(value)


def make_recordable(value: Any) -> Any:
    """The value, where gradients are recorded with copies of tensors from inference mode.

    PyTorch records nothing of what is computed from such tensors, and fails.
    """
    if torch.compiler.is_compiling() or torch.is_inference_mode_enabled():
        return value
    if not torch.is_grad_enabled() or not any(t.is_inference() for t in iterate_tensors(value)):
        return value
    return map_tensors(lambda tensor: tensor.clone() if tensor.is_inference() else tensor, value)


def num_bytes(value: Any) -> int:
    """Bytes of the storages behind a value, each counted once."""
    storages = [tensor.untyped_storage() for tensor in iterate_tensors(value)]
    # By their own identity: where they begin is 0 for all that have no memory.
    return sum({storage._cdata: storage.nbytes() for storage in storages}.values())


def describe(value: Any) -> str:
    """A short description: `1x3x800x1088 float32`, `res2..res5`, `2 images: 37, 12 boxes`."""
    if value is None:
        return "nothing"
    if isinstance(value, Tensor):
        shape = "x".join(str(size) for size in value.shape) or "scalar"
        return f"{shape} {str(value.dtype).removeprefix('torch.')}"
    if hasattr(value, "summary") and callable(value.summary):
        return str(value.summary())
    if isinstance(value, Mapping):
        return _describe_mapping(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return ", ".join(f"{n}: {describe(v)}" for n, v in zip(value._fields, value, strict=True))
    if isinstance(value, (list, tuple)):
        return _describe_sequence(value)
    return type(value).__name__ if not isinstance(value, (int, float, str, bool)) else repr(value)


def describe_entries(value: Any) -> str:
    """As `describe`, with each of a few maps or tensors: `p2: 1x64x8x8 float32, p3: ...`."""
    entries = list(value.values() if isinstance(value, Mapping) else [value])
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        entries = list(value)
    if not 1 < len(entries) <= _MAX_ENTRIES or not all(isinstance(e, Tensor) for e in entries):
        return describe(value)
    texts = [describe(entry) for entry in entries]
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {text}" for key, text in zip(value, texts, strict=True))
    return describe(value) if len(set(texts)) == 1 else ", ".join(texts)


def _describe_mapping(value: Mapping[Any, Any]) -> str:
    keys = [str(key) for key in value]
    if not keys:
        return "empty"
    if len(keys) > 1 and all(isinstance(item, Tensor) and item.ndim > 0 for item in value.values()):
        return f"{keys[0]}..{keys[-1]}"
    listed = [f"{key}: {describe(item)}" for key, item in list(value.items())[:_MAX_LISTED]]
    return ", ".join(listed) + (", ..." if len(keys) > _MAX_LISTED else "")


def _describe_sequence(value: list[Any] | tuple[Any, ...]) -> str:
    if not value:
        return "0 items"
    if len(value) == 1:
        return describe(value[0])
    kinds = {type(item) for item in value}
    described = [describe(item) for item in value[:_MAX_LISTED]]
    more = ", ..." if len(value) > _MAX_LISTED else ""
    if len(kinds) == 1 and len(set(described)) == 1 and len(value) > 1:
        return f"{len(value)} of {described[0]}"
    if kinds == {Tensor} and len(value) > 2:
        return f"{len(value)} of {described[0].partition(' ')[0]}..{describe(value[-1])}"
    return " | ".join(described) + more
