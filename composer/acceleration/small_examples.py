"""Small examples of what enters a set of nodes, for tracing takes time by the pixel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from composer.acceleration.value_layout import LayoutError, TensorPort, record_layout
from composer.blueprint import Slot

SIDE = 128  # pixels: a multiple of all usual strides


def shrink_examples(
    examples: Mapping[Slot, Any], types: Mapping[Slot, Any]
) -> Mapping[Slot, Any] | None:
    """Values with the one map among them cut to a corner; None where that cannot be done.

    Several maps may depend on each other's sizes, and are left as they are.

    Args:
        examples: values by slot.
        types: port types by slot.
    """
    try:
        layout = record_layout(examples, types)
        tensors = layout.flatten(examples)
    except LayoutError:
        return None
    maps = [port for port in layout.ports if _find_sides(port)]
    if len(maps) != 1:
        return None
    cut = [_crop(t, port) for t, port in zip(tensors, layout.ports, strict=True)]
    if all(a.shape == b.shape for a, b in zip(cut, tensors, strict=True)):
        return None
    return layout.unflatten(cut)


def _find_sides(port: TensorPort) -> list[int]:
    return [d.axis for d in port.dynamic if d.meaning in ("height", "width")]


def _crop(tensor: Tensor, port: TensorPort) -> Tensor:
    for axis in _find_sides(port):
        tensor = tensor.narrow(axis, 0, min(SIDE, tensor.shape[axis]))
    return tensor.contiguous()
