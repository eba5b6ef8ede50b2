"""Another number of regions for the check of a file, where some value has one number in all runs.

A trace that has the number of its example written into it is wrong for any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from composer.blueprint import Slot
from composer.errors import ExportError
from composer.exporting.cut import Cut
from composer.exporting.flat_slots import Side, is_per_image, simplify

_COUNTS = ("regions", "rows")


def has_one_count(cut: Cut) -> bool:
    """Whether some value of a cut has the same number of regions in all runs."""
    inner = [slot for step in cut.steps for slot in step.node.slots if slot in cut.known]
    counts = (found for slot in (*cut.entering_slots, *inner) for found in _count(cut, slot))
    return any(len(set(found)) == 1 for found in counts)


def change_counts(cut: Cut) -> dict[Slot, Any] | None:
    """The values that enter in the first run with half of their regions; with two in place of one.

    Returns:
        None if no regions enter.
    """
    values = {slot: cut.examples[0][slot] for slot in cut.entering_slots}
    found = {slot: _change(cut, slot, value) for slot, value in values.items()}
    is_changed = any(found[slot] is not value for slot, value in values.items())
    return found if is_changed else None


def _count(cut: Cut, slot: Slot) -> Iterator[list[int]]:
    """The numbers of regions of a slot's tensors in all runs."""
    try:
        flat = cut.flat(slot)
        runs = [flat.flatten(example[slot]) for example in cut.examples]
    except ExportError:  # it holds nothing that a file could have
        return
    for place, tensor in enumerate(flat.tensors):
        axis = _find_axis(tensor.shape)
        if axis is not None:
            yield [run[place].shape[axis] for run in runs]


def _change(cut: Cut, slot: Slot, value: Any) -> Any:
    is_single = not is_per_image(cut.type_of(slot)) or len(value) == 1
    if simplify(value) is not value or not is_single:  # sizes, and what is of levels
        return value
    flat = cut.flat(slot)
    axes = [_find_axis(tensor.shape) for tensor in flat.tensors]
    if all(axis is None for axis in axes):
        return value
    tensors = flat.flatten(value)
    return flat.unflatten([_take(t, axis) for t, axis in zip(tensors, axes, strict=True)])


def _find_axis(shape: Sequence[Side]) -> int | None:
    for axis, side in enumerate(shape):
        if isinstance(side, str) and side.rpartition(".")[2] in _COUNTS:
            return axis
    return None


def _take(tensor: Tensor, axis: int | None) -> Tensor:
    if axis is None or not (count := tensor.shape[axis]):
        return tensor
    if count == 1:
        return torch.cat([tensor, tensor], axis)
    return tensor.narrow(axis, 0, count // 2).contiguous()
