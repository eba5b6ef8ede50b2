"""The ways to write a box."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, TypeVar

BoxRows = TypeVar("BoxRows")  # a tensor, an array, a list or a tuple of numbers


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
        from composer.structures.box_conversion import convert_boxes  # imports torch

        source, target = BoxMode.parse(from_mode), BoxMode.parse(to_mode)
        rows: Any = box
        converted: BoxRows = convert_boxes(rows, source, target, image_size)
        return converted
