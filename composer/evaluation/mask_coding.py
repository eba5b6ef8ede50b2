"""Masks as COCO's run-length codes.

Legend: R masks, H W the image's height and width.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool
from pycocotools import mask as coco_mask
from torch import Tensor

RunLengths: TypeAlias = dict[str, Any]  # `size`, (height, width), and `counts`, compressed bytes


def encode_masks(masks: Bool[Tensor, "R H W"]) -> list[RunLengths]:
    """Encodes every mask."""
    if not len(masks):
        return []
    stacked = np.asfortranarray(masks.cpu().permute(1, 2, 0).numpy().astype(np.uint8))
    return coco_mask.encode(stacked)


def encode_segmentation(
    segmentation: Sequence[Sequence[float]] | Mapping[str, Any], height: int, width: int
) -> RunLengths:
    """Encodes an annotation's polygons, or its run lengths in any of COCO's forms.

    Args:
        segmentation: polygons as x0, y0, x1, y1, ... (the object is their union), or a mapping
            with `size` and `counts`.
        height: the image's height.
        width: the image's width.
    """
    if isinstance(segmentation, Mapping):
        counts = segmentation["counts"]
        if isinstance(counts, str):
            counts = counts.encode("ascii")
        if isinstance(counts, bytes):
            return {"size": list(segmentation["size"]), "counts": counts}
        return coco_mask.frPyObjects(dict(segmentation), height, width)
    polygons = [list(polygon) for polygon in segmentation]
    if not polygons:
        return coco_mask.encode(np.zeros((height, width), dtype=np.uint8, order="F"))
    return coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))


def measure_mask(mask: RunLengths) -> float:
    """The number of pixels of a mask."""
    return float(coco_mask.area(mask))


def to_text(mask: RunLengths) -> dict[str, Any]:
    """The code as JSON can hold it, in the form of COCO's results files."""
    return {"size": [int(side) for side in mask["size"]], "counts": mask["counts"].decode("ascii")}
