"""Values of slots as tensors with names, in the form in which files have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import torch
from torch import Tensor
from torch.utils import _pytree as pytree  # documented for torch.export; there is no other name

from composer.acceleration import DynamicDimension
from composer.acceleration.dynamic_dimensions import find_dynamic_dimensions
from composer.blueprint import Slot
from composer.errors import ExportError
from composer.exporting.byte_images import to_bytes
from composer.node import meaning, plain
from composer.structures import ImageBatch, Instances, PanopticSegmentation

Side = int | str

_INNER = "tensor"  # the attribute of a structure that is its tensor: it adds nothing to the name


class FlatTensor(NamedTuple):
    """One tensor of a slot's value.

    Args:
        name: the slot's name, and where in its value the tensor is: `backbone.fpn.p3`.
        dtype: its dtype.
        shape: its dimensions; those that differ between runs have names.
    """

    name: str
    dtype: torch.dtype
    shape: tuple[Side, ...]


@dataclass(frozen=True)
class FlatSlot:
    """How the value of a slot is made of tensors.

    Args:
        slot: the slot.
        tensors: its tensors, in order.
        tree: how they are put together.
        constants: what is no tensor, by place.
        scale: of images that a file has as bytes, what it multiplies them by; else None.
    """

    slot: Slot
    tensors: tuple[FlatTensor, ...]
    tree: pytree.TreeSpec
    constants: dict[int, Any]
    scale: float | None = None

    def flatten(self, value: Any) -> list[Tensor]:
        """The tensors of a value.

        Raises:
            ExportError: it is made of other parts than the example.
        """
        leaves, tree = pytree.tree_flatten(simplify(value))
        if tree != self.tree:
            raise ExportError(f"'{self.slot}' is not always made of the same parts")
        tensors = [leaf for place, leaf in enumerate(leaves) if place not in self.constants]
        scale = self.scale
        return tensors if scale is None else [to_bytes(each, scale) for each in tensors]

    def unflatten(self, values: Sequence[Any]) -> Any:
        """A value made of tensors, or of what stands for them."""
        left = iter(values)
        total = len(values) + len(self.constants)
        leaves = [self.constants[i] if i in self.constants else next(left) for i in range(total)]
        return pytree.tree_unflatten(leaves, self.tree)


def is_per_image(kind: Any) -> bool:
    """Whether a port's value is a list of an item an image, or the images themselves."""
    if kind is ImageBatch:
        return True
    return meaning(kind) is None and get_origin(plain(kind)) is list


def describe_slot(
    slot: Slot, kind: Any, values: Sequence[Any], *, of_one_image: bool, scale: float | None = None
) -> FlatSlot:
    """How the values of a slot are made of tensors.

    Args:
        slot: the slot.
        kind: its port type.
        values: its values in some runs; dimensions that differ between them have names.
        of_one_image: whether everything is of one image, so that lists of images have one item.
        scale: of images that the file has as bytes, what it multiplies them by.

    Raises:
        ExportError: it holds no tensor, or its parts differ between the runs.
    """
    leaves, tree = pytree.tree_flatten_with_path(simplify(values[0]))
    constants = {i: leaf for i, (_, leaf) in enumerate(leaves) if not isinstance(leaf, Tensor)}
    if len(constants) == len(leaves):
        raise ExportError(f"'{slot}' holds no tensors, so no file can have it")
    others = [pytree.tree_flatten(simplify(value)) for value in values[1:]]
    if any(other != tree for _, other in others):
        raise ExportError(f"'{slot}' is not always made of the same parts")
    tensors = []
    for place, (keys, leaf) in enumerate(leaves):
        if place not in constants:
            shapes = [leaf.shape, *(found[place].shape for found, _ in others)]
            name = _name(slot, keys, without_image=of_one_image and is_per_image(kind))
            dynamic = _find_dynamic(kind, keys, shapes, of_one_image=of_one_image)
            dtype = leaf.dtype if scale is None else torch.uint8
            tensors.append(FlatTensor(name, dtype, _shape(name, shapes[0], dynamic)))
    return FlatSlot(slot, tuple(tensors), tree, constants, scale)


def simplify(value: Any) -> Any:
    """A value whose parts are tensors, where its own parts are none."""
    if isinstance(value, ImageBatch):
        if len(value) != 1:
            raise ExportError(f"a batch of {len(value)} images is not one image")
        return value.images[0][None]
    if isinstance(value, list) and value and isinstance(value[0], PanopticSegmentation):
        return [each.list_tensors() for each in value]
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return [torch.tensor(each) for each in value]
    return value


def _name(slot: Slot, keys: Sequence[Any], *, without_image: bool) -> str:
    parts = [str(slot)]
    for index, key in enumerate(keys):
        if isinstance(key, pytree.GetAttrKey):
            parts += [] if key.name == _INNER else [key.name]
        elif not (without_image and index == 0):
            parts.append(str(getattr(key, "key", getattr(key, "idx", key))))
    return ".".join(parts)


def _find_dynamic(
    kind: Any, keys: Sequence[Any], shapes: Sequence[Sequence[int]], *, of_one_image: bool
) -> dict[int, str]:
    """The dimensions that differ between runs, with their meanings."""
    rank = len(shapes[0])
    found = {axis: str(axis) for axis in range(rank) if len({shape[axis] for shape in shapes}) > 1}
    if kind is ImageBatch:
        return found | {2: "height", 3: "width"}
    if rank > 2 and {rank - 2, rank - 1} <= found.keys():  # as of pasted masks
        found |= {rank - 2: "height", rank - 1: "width"}
    for dimension in _expected(kind, keys, rank):
        if dimension.meaning != "batch":
            found[dimension.axis] = dimension.meaning
        elif not of_one_image:
            found[dimension.axis] = "batch"
    return found


def _expected(kind: Any, keys: Sequence[Any], rank: int) -> Sequence[DynamicDimension]:
    inner = plain(kind)
    if get_origin(inner) is list and get_args(inner) == (Instances,):
        is_size = getattr(keys[-1], "name", "") == "image_size"
        return () if is_size else (DynamicDimension(0, "rows"),)
    if get_origin(inner) is list and get_args(inner) == (PanopticSegmentation,):
        return (DynamicDimension(0, "rows"),)
    found = find_dynamic_dimensions(kind, keys, rank)
    if rank == 3 and found == (DynamicDimension(0, "rows"),) and is_per_image(kind):
        member = get_args(inner)[0]
        member = get_args(member)[0] if get_origin(member) is Annotated else member
        if getattr(member, "dim_str", "").split() == ["_"] * 3:  # a map of C x H x W
            return (DynamicDimension(1, "height"), DynamicDimension(2, "width"))
    return found


def _shape(name: str, sides: Sequence[int], dynamic: dict[int, str]) -> tuple[Side, ...]:
    shape: list[Side] = list(sides)
    for axis, what in dynamic.items():
        shape[axis] = what if what == "batch" else f"{name}.{what}"
    return tuple(shape)
