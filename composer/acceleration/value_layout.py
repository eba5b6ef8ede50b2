"""Takes the values of ports apart into named tensors, and puts them together again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree  # documented for torch.export; there is no other name

from composer.acceleration.dynamic_dimensions import DynamicDimension, find_dynamic_dimensions
from composer.blueprint import Slot
from composer.structures import ImageList

_SIZES = ".image_sizes"
_INNER = "tensor"  # the attribute of a structure that is its tensor: it adds nothing to the name


class LayoutError(ValueError):
    """A value is made of other parts than the one that the layout was recorded from."""


@dataclass(frozen=True)
class TensorPort:
    """One tensor of a slot's value.

    Args:
        name: the slot's name, and where in its value the tensor is (`backbone.fpn.p3`).
        slot: the slot.
        dtype: its dtype.
        rank: the number of its dimensions.
        dynamic: the dimensions that differ between runs.
    """

    name: str
    slot: Slot
    dtype: torch.dtype
    rank: int
    dynamic: tuple[DynamicDimension, ...]


@dataclass(frozen=True)
class _SlotLayout:
    """How one slot's value is made: its tree, and the leaves that are no tensors, by place."""

    slot: Slot
    tree: pytree.TreeSpec
    constants: Mapping[int, Any]
    num_leaves: int
    unread: frozenset[int] = frozenset()  # tensors of a row an image that no node reads


@dataclass(frozen=True)
class ValueLayout:
    """How the values of some slots are made of tensors, in order.

    Args:
        ports: the tensors.
        slots: the slots' own layouts, in order.
    """

    ports: tuple[TensorPort, ...]
    slots: tuple[_SlotLayout, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tensors."""
        return tuple([port.name for port in self.ports])

    def flatten(self, values: Mapping[Slot, Any]) -> tuple[Tensor, ...]:
        """The tensors of values, floating-point ones in the dtypes that were recorded.

        Args:
            values: the values by slot; others are passed over.

        Raises:
            LayoutError: if a value has other parts than the recorded one.
        """
        tensors: list[Tensor] = []
        for layout in self.slots:
            leaves, tree = pytree.tree_flatten(values[layout.slot])
            if tree != layout.tree:
                raise LayoutError(f"'{layout.slot}' is made of other parts than the example's")
            for place, leaf in enumerate(leaves):
                if place in layout.unread:
                    continue
                if place not in layout.constants:
                    tensors.append(self._checked(leaf, self.ports[len(tensors)]))
                elif not _equal(leaf, layout.constants[place]):
                    raise LayoutError(f"'{layout.slot}' has {leaf!r:.40} in it, the example not")
        return tuple(tensors)

    def unflatten(self, tensors: Sequence[Tensor]) -> dict[Slot, Any]:
        """The values of slots that tensors make up.

        Args:
            tensors: the tensors in the order of `ports`.
        """
        left, values = iter(tensors), {}
        for layout in self.slots:
            leaves: list[Any] = []
            for place in range(layout.num_leaves):
                if place in layout.constants:
                    leaves.append(layout.constants[place])
                elif place in layout.unread:
                    leaves.append(leaves[0].new_zeros((leaves[0].shape[0], 2), dtype=torch.int64))
                else:
                    leaves.append(next(left))
            values[layout.slot] = pytree.tree_unflatten(leaves, layout.tree)
        return values

    def without_unread_sizes(self, is_read: Collection[str]) -> ValueLayout:
        """The same without the sizes of images, where nothing reads them.

        Args:
            is_read: names of the tensors that something reads.
        """
        unread = {p.slot for p in self.ports if p.name.endswith(_SIZES) and p.name not in is_read}
        slots = [
            replace(layout, unread=frozenset({1})) if layout.slot in unread else layout
            for layout in self.slots
        ]
        kept = [p for p in self.ports if p.slot not in unread or not p.name.endswith(_SIZES)]
        return ValueLayout(tuple(kept), tuple(slots))

    def _checked(self, leaf: Any, port: TensorPort) -> Tensor:
        if not isinstance(leaf, Tensor) or leaf.ndim != port.rank:
            raise LayoutError(f"'{port.name}' is no tensor of {port.rank} dimensions")
        if leaf.dtype == port.dtype:
            return leaf
        if leaf.dtype.is_floating_point and port.dtype.is_floating_point:
            return leaf.to(port.dtype)
        raise LayoutError(f"'{port.name}' has the dtype {leaf.dtype}, the example {port.dtype}")


def record_layout(values: Mapping[Slot, Any], types: Mapping[Slot, Any]) -> ValueLayout:
    """The layout of example values.

    Args:
        values: an example of each slot's value, in the order of the tensors.
        types: port types by slot.

    Raises:
        LayoutError: if a value holds no tensor.
    """
    ports: list[TensorPort] = []
    slots: list[_SlotLayout] = []
    for slot, value in values.items():
        leaves, tree = pytree.tree_flatten_with_path(value)
        tensors = [(keys, leaf) for keys, leaf in leaves if isinstance(leaf, Tensor)]
        if not tensors:
            raise LayoutError(f"'{slot}' holds no tensor")
        others = {i: leaf for i, (_, leaf) in enumerate(leaves) if not isinstance(leaf, Tensor)}
        slots.append(_SlotLayout(slot, tree, others, len(leaves)))
        kind = _kind_of(value, types.get(slot))
        ports += [_port(slot, keys, leaf, kind) for keys, leaf in tensors]
    return ValueLayout(tuple(ports), tuple(slots))


def _kind_of(value: Any, kind: Any) -> Any:
    """The port's type; of images the class, whatever the port says."""
    return ImageList if isinstance(value, ImageList) else kind


def _port(slot: Slot, keys: Sequence[Any], tensor: Tensor, kind: Any) -> TensorPort:
    parts = [str(slot)]
    for key in keys:
        if isinstance(key, pytree.GetAttrKey):
            parts += [] if key.name == _INNER else [key.name]
        else:
            parts.append(str(getattr(key, "key", getattr(key, "idx", key))))
    dynamic = find_dynamic_dimensions(kind, keys, tensor.ndim)
    return TensorPort(".".join(parts), slot, tensor.dtype, tensor.ndim, dynamic)


def _equal(first: Any, second: Any) -> bool:
    return type(first) is type(second) and bool(first == second)
