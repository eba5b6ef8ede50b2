"""Structures of other packages that look like ours, made ours.

A data pipeline written for detectron2 has its own `Instances`, `Boxes`, masks and keypoints.
They are recognised by their attributes, so that nothing of that package is needed here.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from composer.structures.bit_masks import BitMasks
from composer.structures.boxes import Boxes
from composer.structures.instances import Instances
from composer.structures.keypoints import Keypoints
from composer.structures.polygon_masks import PolygonMasks
from composer.structures.roi_masks import ROIMasks
from composer.structures.rotated_boxes import RotatedBoxes
from composer.structures.traversal import TensorStructure

_BY_NAME: dict[str, Callable[[Tensor], Any]] = {
    "BitMasks": BitMasks,
    "Boxes": Boxes,
    "Keypoints": Keypoints,
    "ROIMasks": ROIMasks,
    "RotatedBoxes": RotatedBoxes,
}


def adopt_instances(value: Any) -> Any:
    """Converts look-alikes of Instances; returns other values unchanged.

    What has an `image_size` and a method `get_fields` looks like them. Their fields are adopted,
    too. Instances of ours whose fields are ours as well are returned themselves.

    Raises:
        AttributeError, TypeError, ValueError: a field cannot be one of ours.
    """
    if not (hasattr(value, "image_size") and callable(getattr(value, "get_fields", None))):
        return value
    fields = value.get_fields()
    adopted = {name: adopt_field(field) for name, field in fields.items()}
    if isinstance(value, Instances) and all(adopted[name] is fields[name] for name in fields):
        return value
    height, width = value.image_size
    instances = Instances((int(height), int(width)))
    for name, field in adopted.items():
        instances.set(name, field)
    return instances


def adopt_field(value: Any) -> Any:
    """Returns a field of Instances as a structure of ours, if it looks like one.

    What has `polygons` are polygon masks. What has a `tensor` is told by its class's name, or
    else by the tensor: B x 4 are boxes, B x 5 rotated boxes, N x H x W of booleans or bytes
    masks, N x K x 3 keypoints, R x M x M masks of regions.

    Raises:
        TypeError, ValueError: it looks like a structure, but is not well-formed.
    """
    if isinstance(value, Tensor | TensorStructure):
        return value
    if hasattr(value, "polygons"):
        return PolygonMasks(value.polygons)
    tensor = getattr(value, "tensor", None)
    if not isinstance(tensor, Tensor):
        return value
    make = _find_by_name(type(value)) or _find_by_shape(tensor)
    return value if make is None else make(tensor)


def _find_by_name(kind: type) -> Callable[[Tensor], Any] | None:
    """Returns the structure that a class is called like, or else one that it inherits from."""
    return next((_BY_NAME[one.__name__] for one in kind.__mro__ if one.__name__ in _BY_NAME), None)


def _find_by_shape(tensor: Tensor) -> Callable[[Tensor], Any] | None:
    if tensor.ndim == 2:
        return {4: Boxes, 5: RotatedBoxes}.get(tensor.shape[1])
    if tensor.ndim != 3:
        return None
    if tensor.dtype in (torch.bool, torch.uint8):
        return BitMasks
    if tensor.shape[2] == 3:
        return Keypoints
    return ROIMasks if tensor.shape[1] == tensor.shape[2] else None
