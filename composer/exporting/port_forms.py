"""The ports of exported nodes as plain values: names, types, forms and shapes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from torch import Tensor

from composer.blueprint import WHOLE, Slot
from composer.exporting.cut import Cut
from composer.node import meaning
from composer.structures import ImageList, TensorShape

_ONLY = ("output", WHOLE)  # ports without a name of their own


def describe_ports(
    cut: Cut, slots: Sequence[Slot], names: Collection[str] | None
) -> list[dict[str, Any]]:
    """The slots as ports of one node.

    Args:
        cut: what is exported.
        slots: the slots that enter, or those that leave.
        names: the tensors that the file has; all if None.

    Returns:
        For each `port`, `type` (a name in `composer.structures`), `form` (tensor, dict, list,
        images or other), `keys` of a dict, `tensors` (names; None for one that the file lacks)
        and `shape`, where it is known.
    """
    found = []
    for slot in slots:
        value = cut.examples[0][slot]
        tensors = [tensor.name for tensor in cut.flat(slot).tensors]
        found.append(
            {
                "port": _name(cut, slot),
                "type": _type(cut.type_of(slot), value),
                "form": _form(value),
                "keys": list(value) if isinstance(value, dict) else [],
                "tensors": [n if names is None or n in names else None for n in tensors],
                "shape": _shape(cut, slot),
            }
        )
    return found


def _name(cut: Cut, slot: Slot) -> str:
    """The port of a slot: its own name, that of a port that takes it, or the node's."""
    if slot.port not in _ONLY:
        return slot.port
    for step in cut.steps:
        for port, end in step.arguments.items():
            if slot in end.slots and not end.gathers:
                return port
    return slot.path.rpartition(".")[2]


def _type(kind: Any, value: Any) -> str:
    if isinstance(value, ImageList):
        return "ImageList"
    named = meaning(kind)
    return "Tensor" if named is None else str(getattr(named, "name", "Tensor"))


def _form(value: Any) -> str:
    if isinstance(value, Tensor):
        return "tensor"
    if isinstance(value, ImageList):
        return "images"
    members = list(value.values()) if isinstance(value, dict) else value
    is_plain = isinstance(members, list) and all(isinstance(each, Tensor) for each in members)
    return type(value).__name__ if is_plain else "other"


def _shape(cut: Cut, slot: Slot) -> Any:
    """The output shape of the module that a slot comes from."""
    step = next((step for step in cut.steps if step.node.path == slot.path), None)
    if step is None:
        return None
    shape = getattr(cut.callables[step.node.module_path], "output_shape", None)
    if isinstance(shape, TensorShape):
        return asdict(shape)
    if isinstance(shape, Mapping):
        return {name: asdict(each) for name, each in shape.items()}
    return None
