"""Steps from a value into its parts: fields, entries and reductions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from composer.errors import InputError, NameResolutionError
from composer.names import did_you_mean
from composer.structures import Instances
from composer.values import describe

REDUCTIONS = ("sum", "mean", "max", "min")

Index = int | slice | str


@dataclass(frozen=True)
class Field:
    """A field, or the entry of a mapping.

    Args:
        name: its name.
    """

    name: str

    def __str__(self) -> str:
        return f".{self.name}"


@dataclass(frozen=True)
class Entry:
    """An entry of a list or mapping, or entries of a tensor.

    Args:
        index: positions, ranges or a key.
        text: as written.
    """

    index: tuple[Index, ...]
    text: str

    def __str__(self) -> str:
        return f"[{self.text}]"


@dataclass(frozen=True)
class Reduction:
    """One number of all numbers of a tensor.

    Args:
        name: one of `REDUCTIONS`.
    """

    name: str

    def __str__(self) -> str:
        return f".{self.name}()"


Step = Field | Entry | Reduction


def take(value: Any, step: Step, reached: str, unknown: NameResolutionError | None = None) -> Any:
    """Takes a step into a value.

    Args:
        value: the value.
        step: the step.
        reached: the text that leads to the value.
        unknown: for a field that the value cannot have, what to raise.

    Raises:
        InputError: there is no such entry, or the step does not fit the value.
        NameResolutionError: there is no such field.
    """
    if isinstance(step, Field):
        return _take_field(value, step.name, reached, unknown)
    if isinstance(step, Reduction):
        return _reduce(value, step.name, reached)
    if isinstance(value, Mapping):
        return _take_field(value, step.text.strip("'\" "), reached, unknown)
    if any(isinstance(one, str) for one in step.index):
        raise InputError(f"'{reached}{step}': '{reached}' is {describe(value)}, which has no keys")
    tensor = value if isinstance(value, Tensor) else getattr(value, "tensor", None)
    if isinstance(tensor, Tensor):
        return _index_tensor(tensor, step, reached)
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    if is_list or isinstance(value, Instances):
        return _take_entry(value, step, reached)
    raise InputError(f"'{reached}' is {describe(value)}, which has no entries")


def _take_field(value: Any, name: str, reached: str, unknown: NameResolutionError | None) -> Any:
    """A field by name; where the whole text could have been a name, that is what is missing."""
    if isinstance(value, Mapping):
        known = {str(key): item for key, item in value.items()}
    elif isinstance(value, Instances):
        known = dict(value.get_fields())
    elif hasattr(value, "_fields"):
        known = {field: getattr(value, field) for field in value._fields}
    else:
        known = _tensors_of(value)
    if name in known:
        return known[name]
    if unknown is not None and not isinstance(value, (Mapping, Instances)):
        raise unknown
    if not known:
        raise NameResolutionError(f"'{reached}' is {describe(value)}, which has no '{name}'")
    hints = [did_you_mean(name, known), f"It has {', '.join(known)}."]
    shown = " ".join(hint for hint in hints if not hint.startswith("There are"))
    raise NameResolutionError(f"'{reached}' has no '{name}'. {shown}")


def _tensors_of(value: Any) -> dict[str, Tensor]:
    """The tensors that a structure keeps as public attributes: `tensor` of boxes or images."""
    named = getattr(value, "__dict__", {})
    return {k: v for k, v in named.items() if isinstance(v, Tensor) and not k.startswith("_")}


def _reduce(value: Any, name: str, reached: str) -> Tensor:
    tensor = value if isinstance(value, Tensor) else getattr(value, "tensor", None)
    if not isinstance(tensor, Tensor):
        kind = describe(value)
        raise InputError(f"'{reached}' is {kind}, of which there is no {name}: it is no tensor")
    if tensor.numel() == 0 and name != "sum":
        raise InputError(f"'{reached}' is {describe(tensor)}: it is empty, and has no {name}")
    if name == "mean" and not tensor.is_floating_point():
        tensor = tensor.float()
    found: Tensor = getattr(torch, name)(tensor)
    return found


def _take_entry(value: Any, step: Entry, reached: str) -> Any:
    if len(step.index) > 1:
        raise InputError(f"'{reached}' is {describe(value)}, which has one index, not {step}")
    index = step.index[0]
    if isinstance(index, int):
        _check_position(index, len(value), reached, step)
    return value[index]


def _index_tensor(tensor: Tensor, step: Entry, reached: str) -> Tensor:
    if len(step.index) > tensor.ndim:
        allowed = "1 index" if tensor.ndim == 1 else f"{tensor.ndim} indices"
        raise InputError(f"'{reached}' is {describe(tensor)}, which has {allowed}, not {step}")
    for place, (index, size) in enumerate(zip(step.index, tensor.shape, strict=False)):
        if isinstance(index, int):
            which = f", dimension {place}," if place or len(step.index) > 1 else ""
            _check_position(index, size, f"{reached}{which}", step)
    found: Tensor = tensor[cast("tuple[int | slice, ...]", step.index)]
    return found


def _check_position(index: int, size: int, reached: str, step: Entry) -> None:
    if -size <= index < size:
        return
    name, _, which = reached.partition(",")
    holder = f"'{name}'" + (f",{which}" if which else "")
    if size == 0:
        raise InputError(f"there is no '{name}{step}': {holder} has no entries")
    count = "1 entry, 0" if size == 1 else f"{size} entries, from 0 to {size - 1}"
    raise InputError(f"there is no '{name}{step}': {holder} has {count}")
