"""The ways to write a box, and conversions between them.

Legend: B boxes, D numbers of a box.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from composer.structures.rotated_boxes import RotatedBoxes

BoxRows = TypeVar("BoxRows", Tensor, np.ndarray, list[float], tuple[float, ...])


class BoxMode(IntEnum):
    """A way to write a box. Names and numbers are detectron2's."""

    XYXY_ABS = 0
    """x0, y0, x1, y1 in pixels."""
    XYWH_ABS = 1
    """x0, y0, width, height in pixels, as in COCO."""
    XYXY_REL = 2
    """x0, y0, x1, y1 as shares of the image's width and height."""
    XYWH_REL = 3
    """x0, y0, width, height as shares of the image's width and height."""
    XYWHA_ABS = 4
    """Centre x, centre y, width, height in pixels, and degrees counter-clockwise."""

    @property
    def num_values(self) -> int:
        """How many numbers a box has."""
        return 5 if self is BoxMode.XYWHA_ABS else 4

    @property
    def is_relative(self) -> bool:
        """Whether numbers are shares of the image's width and height."""
        return self in (BoxMode.XYXY_REL, BoxMode.XYWH_REL)

    @classmethod
    def parse(cls, mode: BoxMode | int | str) -> BoxMode:
        """The mode of a number or of a name (`XYXY_ABS`, `BoxMode.XYXY_ABS`).

        Raises:
            ValueError: there is no such mode.
        """
        if isinstance(mode, str):
            name = mode.rpartition(".")[2].strip().upper()
            if name in cls.__members__:
                return cls[name]
        elif not isinstance(mode, bool) and mode in list(cls):
            return cls(mode)
        modes = ", ".join(f"{one.name} ({one.value})" for one in cls)
        raise ValueError(f"There is no box mode {mode!r:.60}; there are {modes}.")

    @staticmethod
    def convert(
        box: BoxRows,
        from_mode: BoxMode | int | str,
        to_mode: BoxMode | int | str,
        *,
        image_size: tuple[int, int] | None = None,
    ) -> BoxRows:
        """Returns boxes that are written in one mode in another one.

        Args:
            box: one box as a list, tuple, array or tensor, or B of them as array or tensor. What
                is returned is of the same type; a floating type stays as it is.
            from_mode: how it is written; a mode, its number or its name.
            to_mode: how to write it. A rotated box becomes the upright one around it.
            image_size: (height, width) of the image; for relative modes only.

        Raises:
            ValueError: a mode is unknown or relative without `image_size`; it is no box, or has
                another number of values than its mode.
        """
        source, target = BoxMode.parse(from_mode), BoxMode.parse(to_mode)
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
