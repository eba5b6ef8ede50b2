"""Structures as trees of their values, which `torch.export` and FSDP2 take apart and put together.

Registering types is a side effect of an import, which nothing else here has: torch keeps the only
table, and a graph may be exported or sharded without any call to us.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree  # documented for torch.export; there is no other name

from composer.structures.bit_masks import BitMasks
from composer.structures.boxes import Boxes
from composer.structures.image_batch import ImageBatch
from composer.structures.image_list import ImageList
from composer.structures.instances import Instances
from composer.structures.keypoints import Keypoints
from composer.structures.polygon_masks import PolygonMasks
from composer.structures.roi_masks import ROIMasks
from composer.structures.rotated_boxes import RotatedBoxes

Sizes = list[tuple[int, int]] | Tensor


def _register_structures() -> None:
    """Registers the structures of this package, each with its attributes as keys.

    Putting one together checks nothing: torch also fills trees with what is no tensor. Sizes of
    images are tensors in the trees, so that an exported program takes them as values.
    """
    for kind in (BitMasks, Boxes, Keypoints, ROIMasks, RotatedBoxes):
        register_attributes(kind, "tensor")
    register_attributes(PolygonMasks, "polygons")
    register_attributes(ImageBatch, "_records")
    _register(ImageList, _flatten_images, _unflatten_images)
    _register(Instances, _flatten_instances, _unflatten_instances)


def register_attributes(kind: type, *names: str) -> None:
    """Registers a structure that consists of some attributes and nothing else.

    Args:
        kind: its class.
        names: the attributes.
    """

    def flatten(structure: Any) -> tuple[list[tuple[str, Any]], None]:
        return [(name, getattr(structure, name)) for name in names], None

    def unflatten(values: list[Any], _context: None) -> Any:
        made: Any = object.__new__(kind)
        made.__dict__.update(zip(names, values, strict=True))
        return made

    _register(kind, flatten, unflatten)


def _register(
    kind: type,
    flatten: Callable[[Any], tuple[list[tuple[str, Any]], Any]],
    unflatten: Callable[[list[Any], Any], Any],
) -> None:
    def flatten_values(structure: Any) -> tuple[list[Any], Any]:
        items, context = flatten(structure)
        return [value for _, value in items], context

    def flatten_items(structure: Any) -> tuple[list[tuple[Any, Any]], Any]:
        items, context = flatten(structure)
        return [(pytree.GetAttrKey(name), value) for name, value in items], context

    def put_together(values: Iterable[Any], context: Any) -> Any:
        return unflatten(list(values), context)

    pytree.register_pytree_node(
        kind,
        flatten_values,
        put_together,
        serialized_type_name=f"composer.structures.{kind.__name__}",
        flatten_with_keys_fn=flatten_items,
    )


def _flatten_images(images: ImageList) -> tuple[list[tuple[str, Any]], None]:
    return [("tensor", images.tensor), ("image_sizes", as_tensor(images.sizes, 2))], None


def _unflatten_images(values: list[Any], _context: None) -> ImageList:
    images = object.__new__(ImageList)
    images.tensor, images.sizes = values
    return images


def _flatten_instances(instances: Instances) -> tuple[list[tuple[str, Any]], list[str]]:
    fields = instances.get_fields()
    return [("image_size", as_tensor(instances._image_size)), *fields.items()], list(fields)


def _unflatten_instances(values: list[Any], names: list[str]) -> Instances:
    instances = object.__new__(Instances)
    instances._image_size, *fields = values
    instances._fields = dict(zip(names, fields, strict=True))
    return instances


def as_tensor(sizes: Any, columns: int = 0) -> Any:
    """Sizes as a tensor of whole numbers; tensors and their placeholders stay."""
    if not isinstance(sizes, list | tuple):
        return sizes
    tensor = torch.tensor(sizes, dtype=torch.int64)
    return tensor.reshape(-1, columns) if columns else tensor


_register_structures()
