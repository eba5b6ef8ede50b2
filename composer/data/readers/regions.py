"""Objects that are cut out of pictures of labels.

Legend: H W the picture's height and width.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool
from pycocotools import mask as coco_mask

from composer.data.records import Box, RunLengths


class Region(NamedTuple):
    """The pixels of one label.

    Args:
        mask: compressed run-length encoding.
        box: the tightest box around them, x0, y0, x1, y1.
        area: how many they are.
    """

    mask: RunLengths
    box: Box
    area: int


def cut_region(mask: Bool[np.ndarray, "H W"]) -> Region | None:
    """The region of a mask; None if it has no pixel."""
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    area = int(coco_mask.area(encoded))
    if area == 0:
        return None
    x, y, width, height = map(float, coco_mask.toBbox(encoded))
    return Region(encoded, (x, y, x + width, y + height), area)
