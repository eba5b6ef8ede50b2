"""Small examples of what enters a set of nodes, for tracing takes time by the pixel, and others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from composer.acceleration.value_layout import LayoutError, TensorPort, record_layout
from composer.blueprint import Slot

SIDE = 128  # pixels: a multiple of all usual strides
_OTHER_SIDES = {"height": 64, "width": 96}
_COUNTS = ("batch", "regions")


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


def vary_sizes(tensors: Sequence[Tensor], ports: Sequence[TensorPort]) -> tuple[Tensor, ...] | None:
    """An example of another size, and of another number of images and regions.

    Args:
        tensors: an example.
        ports: what its tensors are.

    Returns:
        None where the example cannot be changed so.
    """
    maps = [port for port in ports if _find_sides(port)]
    found = []
    for tensor, port in zip(tensors, ports, strict=True):
        for dimension in port.dynamic:
            if dimension.meaning in _COUNTS:
                tensor = torch.cat([tensor, tensor], dimension.axis)
            elif (side := _OTHER_SIDES.get(dimension.meaning)) and len(maps) == 1:
                tensor = tensor.narrow(dimension.axis, 0, min(side, tensor.shape[dimension.axis]))
        found.append(tensor.contiguous())
    is_same = all(a.shape == b.shape for a, b in zip(found, tensors, strict=True))
    return None if is_same else tuple(found)


def _find_sides(port: TensorPort) -> list[int]:
    return [d.axis for d in port.dynamic if d.meaning in ("height", "width")]


def _crop(tensor: Tensor, port: TensorPort) -> Tensor:
    for axis in _find_sides(port):
        tensor = tensor.narrow(axis, 0, min(SIDE, tensor.shape[axis]))
    return tensor.contiguous()
