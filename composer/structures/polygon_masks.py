"""Masks as polygons, the form of COCO.

Legend: N instances, S the side of a crop.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from composer.structures.boxes import Boxes
from composer.structures.indexing import Index, normalize_index, select_items
from composer.structures.polygon_clipping import Polygon, measure_polygon
from composer.structures.polygon_raster import rasterize_polygons
from composer.structures.tensor_sizes import check_size

# A thinner box is stretched as if it had this side (in pixels), to not divide by nothing.
_SMALLEST_SIDE = 0.1


class PolygonMasks:
    """The outlines of an image's objects; an object may have several parts.

    Polygons live on the CPU as float64 arrays of x0, y0, x1, y1, ... in pixels of the image.

    Args:
        polygons: for each instance, its polygons; each is a flat sequence of an even number of
            coordinates, at least six. An instance may have none.

    Raises:
        TypeError: it is not a sequence of sequences of polygons.
        ValueError: a polygon has too few, an odd number of or non-finite coordinates; the
            message names the instance and the polygon.
    """

    def __init__(self, polygons: Sequence[Sequence[Any]]) -> None:
        if isinstance(polygons, Tensor | np.ndarray | str) or not isinstance(polygons, Sequence):
            raise TypeError(
                "Polygon masks are a list of instances, each a list of polygons, "
                f"not {type(polygons).__name__}."
            )
        self.polygons: list[list[Polygon]] = [
            _check_instance(parts, index) for index, parts in enumerate(polygons)
        ]

    @property
    def device(self) -> torch.device:
        """Always the CPU."""
        return torch.device("cpu")

    def __len__(self) -> int:
        return len(self.polygons)

    def __getitem__(self, index: Index) -> "PolygonMasks":
        selection = normalize_index(index, len(self))
        return PolygonMasks(select_items(self.polygons, selection))

    def __iter__(self) -> Iterator[list[Polygon]]:
        """Yields the polygons of one instance after the other."""
        return iter(self.polygons)

    def __repr__(self) -> str:
        return f"PolygonMasks(num_instances={len(self)})"

    def summary(self) -> str:
        """Describes it in a few words."""
        return f"{len(self)} polygon mask{'' if len(self) == 1 else 's'}"

    def area(self) -> Float[Tensor, "N"]:
        """Returns each instance's area in square pixels; overlapping parts count twice."""
        areas = [sum(measure_polygon(polygon) for polygon in parts) for parts in self.polygons]
        return torch.tensor(areas, dtype=torch.float32)

    def nonempty(self) -> Bool[Tensor, "N"]:
        """Returns which instances have any polygon."""
        return torch.tensor([len(parts) > 0 for parts in self.polygons], dtype=torch.bool)

    def get_bounding_boxes(self) -> Boxes:
        """Returns the tightest boxes around the polygons; an instance without any has zeros."""
        boxes = torch.zeros(len(self), 4)
        for row, parts in enumerate(self.polygons):
            if parts:
                corners = np.concatenate(parts).reshape(-1, 2)
                boxes[row, :2] = torch.from_numpy(corners.min(axis=0))
                boxes[row, 2:] = torch.from_numpy(corners.max(axis=0))
        return Boxes(boxes)

    def crop_and_resize(self, boxes: Float[Tensor, "N 4"], mask_size: int) -> Bool[Tensor, "N S S"]:
        """Rasterises each instance on a square grid over its own box.

        Args:
            boxes: one box per instance, XYXY in pixels.
            mask_size: side of the grid.

        Returns:
            The masks, on the device of the boxes.

        Raises:
            MemoryShortageError: the masks would take more memory than is at hand.
            ValueError: the number of boxes differs from that of the instances.
        """
        if len(boxes) != len(self):
            raise ValueError(f"{len(boxes)} boxes for {len(self)} masks.")
        what = f"{len(self)} crops of {mask_size} x {mask_size} pixels"
        check_size(torch.empty(0, dtype=torch.bool), (len(self), mask_size, mask_size), what)
        masks = torch.zeros(len(self), mask_size, mask_size, dtype=torch.bool)
        for row, (parts, box) in enumerate(zip(self.polygons, boxes.cpu(), strict=True)):
            masks[row] = rasterize_polygons_within_box(parts, box, mask_size)
        return masks.to(boxes.device)

    def to(self, *_args: Any, **_kwargs: Any) -> "PolygonMasks":
        """Returns itself: polygons stay on the CPU."""
        return self

    def tensors(self) -> Iterator[Tensor]:
        """Yields nothing: polygons are no tensors."""
        yield from ()

    def map_tensors(self, _fn: Callable[[Tensor], Tensor]) -> "PolygonMasks":
        """Returns itself: polygons are no tensors."""
        return self

    @staticmethod
    def cat(polymasks_list: Sequence["PolygonMasks"]) -> "PolygonMasks":
        """Joins masks; none make no masks."""
        return PolygonMasks(list(chain.from_iterable(masks.polygons for masks in polymasks_list)))


def _check_instance(parts: object, index: int) -> list[Polygon]:
    if isinstance(parts, Tensor | np.ndarray | str) or not isinstance(parts, Sequence):
        raise TypeError(
            f"Instance {index}: its polygons are a list of polygons, not {type(parts).__name__}."
        )
    return [_check_polygon(part, f"Instance {index}, polygon {k}") for k, part in enumerate(parts)]


def _check_polygon(part: Any, place: str) -> Polygon:
    # Numbers on the GPU or in lists are taken as well; the result is the instance's own copy.
    values = part.detach().cpu().numpy() if isinstance(part, Tensor) else part
    polygon: Polygon = np.array(values, dtype=np.float64)
    if polygon.ndim != 1 or polygon.size < 6 or polygon.size % 2:
        raise ValueError(
            f"{place}: it is x0, y0, x1, y1, ... with at least three corners, "
            f"this one has the shape {polygon.shape}."
        )
    if not np.isfinite(polygon).all():
        raise ValueError(f"{place}: it has coordinates that are not finite.")
    return polygon


def rasterize_polygons_within_box(
    polygons: Sequence[Polygon], box: Float[Tensor, "4"], mask_size: int
) -> Bool[Tensor, "S S"]:
    """Rasterizes an object's polygons inside a box, on a square grid over that box.

    Args:
        polygons: the object's parts, in pixels of the image.
        box: XYXY in pixels of the image.
        mask_size: side of the grid.
    """
    x1, y1, x2, y2 = box.double().cpu().tolist()
    sides = np.maximum([x2 - x1, y2 - y1], _SMALLEST_SIDE)
    moved = [
        ((polygon.reshape(-1, 2) - (x1, y1)) * (mask_size / sides)).reshape(-1)
        for polygon in polygons
    ]
    return torch.from_numpy(rasterize_polygons(moved, mask_size, mask_size))
