"""Boxes from one way to write them to another one.

Legend: B boxes, D numbers of a box.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from composer.structures.box_mode import BoxMode
from composer.structures.rotated_boxes import RotatedBoxes

BoxRows = TypeVar("BoxRows", Tensor, np.ndarray, list[float], tuple[float, ...])


def convert_boxes(
    box: BoxRows, source: BoxMode, target: BoxMode, image_size: tuple[int, int] | None = None
) -> BoxRows:
    """Returns boxes that are written in one mode in another one; see `BoxMode.convert`."""
    rows = _to_rows(box)
    if rows.shape[-1] != source.num_values:
        raise ValueError(
            f"A box in {source.name} has {source.num_values} numbers, not {rows.shape[-1]}."
        )
    if source is not target:
        if image_size is None and (source.is_relative or target.is_relative):
            raise ValueError(f"{source.name} to {target.name} takes the image_size.")
        height, width = image_size or (1, 1)
        sides = rows.new_tensor([width, height])
        rows = _from_corners(_to_corners(rows, source, sides), target, sides)
    return _restore(rows, box)


def _to_rows(box: object) -> Float[Tensor, "*B D"]:
    if isinstance(box, Tensor):
        rows = box.double()
    else:
        try:
            values = np.asarray(box)
        except ValueError:  # rows differ in length
            values = np.asarray(None)
        is_numeric = values.dtype.kind in "fiu" or values.size == 0
        rows = torch.from_numpy(values.astype(np.float64)) if is_numeric else torch.tensor(0.0)
    if rows.ndim == 0:
        raise ValueError(f"A box is some numbers, not {box!r:.60}.")
    return rows


def _to_corners(
    rows: Float[Tensor, "*B D"], mode: BoxMode, sides: Float[Tensor, 2]
) -> Float[Tensor, "*B 4"]:
    """Corners in pixels."""
    if mode is BoxMode.XYWHA_ABS:
        flat = RotatedBoxes(rows.reshape(-1, 5)).get_bounding_boxes().tensor
        return flat.reshape(*rows.shape[:-1], 4)
    start, end = rows[..., :2], rows[..., 2:]
    if mode in (BoxMode.XYWH_ABS, BoxMode.XYWH_REL):
        end = start + end
    corners = torch.cat((start, end), dim=-1)
    return corners * sides.repeat(2) if mode.is_relative else corners


def _from_corners(
    corners: Float[Tensor, "*B 4"], mode: BoxMode, sides: Float[Tensor, 2]
) -> Float[Tensor, "*B D"]:
    if mode.is_relative:
        corners = corners / sides.repeat(2)
    start, end = corners[..., :2], corners[..., 2:]
    if mode is BoxMode.XYWHA_ABS:
        level = torch.zeros_like(corners[..., :1])
        return torch.cat(((start + end) / 2, end - start, level), dim=-1)
    if mode in (BoxMode.XYWH_ABS, BoxMode.XYWH_REL):
        return torch.cat((start, end - start), dim=-1)
    return corners


def _restore(rows: Float[Tensor, "*B D"], given: BoxRows) -> BoxRows:
    """Rows in the type of the boxes that were given."""
    if isinstance(given, Tensor):
        return rows.to(given.dtype if given.is_floating_point() else torch.float32)
    if isinstance(given, np.ndarray):
        is_floating = np.issubdtype(given.dtype, np.floating)
        return rows.numpy().astype(given.dtype if is_floating else np.float64)
    return type(given)(rows.tolist())
