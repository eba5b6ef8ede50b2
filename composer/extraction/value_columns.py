"""A value of one image as tensors by column, and maps reduced to their means or maxima.

Legend: P rows of an image, C channels, H W a map's height and width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from composer.errors import InputError
from composer.extraction.row_owners import Kind
from composer.structures import (
    BitMasks,
    Boxes,
    ImageList,
    Instances,
    Keypoints,
    ROIMasks,
    RotatedBoxes,
)

Reduce = Literal["none", "mean", "max"]

_WITH_TENSOR = (Boxes, RotatedBoxes, BitMasks, Keypoints, ROIMasks)
_REDUCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda maps: maps.mean(dim=(-2, -1)),
    "max": lambda maps: maps.amax(dim=(-2, -1)),
}


def split_value(name: str, value: Any, kind: Kind, image_dim: int = 0) -> dict[str, Tensor]:
    """The tensors of a value that was computed for one image.

    Args:
        name: what the value is called.
        value: the value of a batch of one image.
        kind: what it has one entry for.
        image_dim: the dimension of a tensor that has an entry for each image.

    Returns:
        Tensors by column: of rows P x ..., else without the dimension of the batch. A value of
        several tensors has a column for each, `name.level`.

    Raises:
        InputError: it is of a class that makes no columns.
    """
    if kind == "levels":
        return {f"{name}.{level}": part[0] for level, part in enumerate(value)}
    if kind == "anchors":
        return {f"{name}.{level}": part for level, part in enumerate(value)}
    if isinstance(value, ImageList):
        return {name: value.tensor[0]}
    if isinstance(value, Mapping):
        return {f"{name}.{key}": _require_map(name, part)[0] for key, part in value.items()}
    if isinstance(value, list) and len(value) == 1:
        return _split_item(name, value[0])
    if isinstance(value, Tensor) and (value.ndim or kind == "images"):
        is_whole = kind == "rows" or value.ndim <= image_dim
        return {name: value if is_whole else value.select(image_dim, 0)}
    raise _no_columns(name, value)


def reduce_maps(value: Tensor, reduce: Reduce, *, has_rows: bool) -> Tensor:
    """The mean or the largest number of each channel; what is no map stays as it is.

    Args:
        value: C x H x W, or P x C x H x W of rows.
        reduce: `none` leaves maps as they are.
        has_rows: whether the first dimension is that of rows.
    """
    if reduce == "none" or value.ndim != (4 if has_rows else 3):
        return value
    if value.shape[0] == 0 and has_rows:
        return value.new_zeros(value.shape[:2], dtype=_float(value).dtype)
    return _REDUCTIONS[reduce](_float(value))


def check_reduce(reduce: str) -> Reduce:
    """The name of a reduction.

    Raises:
        InputError: there is none of that name.
    """
    for known in ("none", "mean", "max"):
        if reduce == known:
            return known
    raise InputError(f"reduce is 'none', 'mean' or 'max', not {reduce!r}")


def _float(value: Tensor) -> Tensor:
    return value if value.is_floating_point() else value.to(torch.float32)


def _split_item(name: str, item: Any) -> dict[str, Tensor]:
    """The tensors of what a list has for an image."""
    if isinstance(item, Instances):
        fields = {key: _as_tensor(part) for key, part in item.get_fields().items()}
        return {f"{name}.{key}": part for key, part in fields.items() if part is not None}
    tensor = _as_tensor(item)
    if tensor is not None:
        return {name: tensor}
    if isinstance(item, tuple) and hasattr(item, "_fields"):
        parts = {key: _as_tensor(part) for key, part in zip(item._fields, item, strict=True)}
        if found := {f"{name}.{key}": part for key, part in parts.items() if part is not None}:
            return found
    raise _no_columns(name, item)


def _as_tensor(part: Any) -> Tensor | None:
    if isinstance(part, _WITH_TENSOR):
        return part.tensor
    return part if isinstance(part, Tensor) else None


def _require_map(name: str, part: Any) -> Tensor:
    if isinstance(part, Tensor) and part.ndim:
        return part
    raise _no_columns(name, part)


def _no_columns(name: str, value: Any) -> InputError:
    return InputError(
        f"'{name}' is of type {type(value).__name__}, which has no numbers for each image or row; "
        "name a node or port whose value is a tensor, feature maps, boxes or instances"
    )
