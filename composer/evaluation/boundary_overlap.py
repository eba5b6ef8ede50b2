"""Boundary IoU: the overlap of masks near their outlines (Cheng et al. 2021, section 4).

It judges the outlines of large objects, to which the IoU of whole masks is not sensitive. As in the
paper's average precision, the overlap of two masks is the lower one of the two.

Legend: D detections, G objects, both of one class in one image.
"""

import math
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from pycocotools import mask as coco_mask
from pycocotools.cocoeval import COCOeval

from composer.structures import RunLengths, find_mask_box

_WIDTH = 0.02  # of the boundary, relative to the image's diagonal


class BoundaryEval(COCOeval):  # type: ignore[misc]  # pycocotools has no types
    """pycocotools' comparison of masks, with the IoU of boundaries where that is lower."""

    def computeIoU(self, image_id: int, category: int) -> Any:  # noqa: N802 - pycocotools' name
        """The overlaps of one class in one image: `D G`, or an empty list."""
        overlaps = super().computeIoU(image_id, category)
        if len(overlaps) == 0:
            return overlaps
        objects = self._gts[image_id, category]
        order = np.argsort([-one["score"] for one in self._dts[image_id, category]], kind="stable")
        found = [self._dts[image_id, category][place] for place in order[: len(overlaps)]]
        crowds = [int(one["iscrowd"]) for one in objects]
        boundaries = [[_find_outline(one) for one in some] for some in (found, objects)]
        near: Float[np.ndarray, "D G"] = coco_mask.iou(*boundaries, crowds)
        return np.minimum(overlaps, near)


def _find_outline(entry: dict[str, Any]) -> RunLengths:
    """The boundary of an entry's mask; kept with the entry, since one serves several detections."""
    if "boundary" not in entry:
        entry["boundary"] = find_boundary(entry["segmentation"])
    boundary: RunLengths = entry["boundary"]
    return boundary


def find_boundary(mask: RunLengths) -> RunLengths:
    """The pixels of a mask that are near its outline.

    Near are pixels from which at most 2 % of the image's diagonal lead out of the mask or the
    image, in the largest of the two directions.

    Args:
        mask: a mask as run lengths.
    """
    height, width = mask["size"]
    reach = max(1, round(_WIDTH * math.hypot(height, width)))
    left, top, box_width, box_height = map(int, find_mask_box(mask))
    pixels = coco_mask.decode(mask).astype(bool)
    box = np.s_[top : top + box_height, left : left + box_width]
    pixels[box] &= ~erode(pixels[box], reach)
    boundary: RunLengths = coco_mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
    return boundary


def erode(pixels: Bool[np.ndarray, "H W"], reach: int) -> Bool[np.ndarray, "H W"]:
    """The pixels whose square of `2 * reach + 1` pixels is all set; beyond the edges nothing is."""
    for axis in (0, 1):
        pixels = np.moveaxis(_erode_columns(np.moveaxis(pixels, axis, 0), reach), 0, axis)
    return pixels


def _erode_columns(pixels: Bool[np.ndarray, "H W"], reach: int) -> Bool[np.ndarray, "H W"]:
    padded = np.pad(pixels, ((reach + 1, reach), (0, 0)))
    sums = np.cumsum(padded, axis=0, dtype=np.int32)
    size = 2 * reach + 1
    filled: Bool[np.ndarray, "H W"] = sums[size:] - sums[:-size] == size
    return filled
