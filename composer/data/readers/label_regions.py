"""Objects that are cut out of label images.

Legend: H W the image's height and width.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from composer.data.records import Box
from composer.structures import RunLengths, encode_mask, find_mask_box, measure_mask


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
    encoded = encode_mask(mask)
    area = measure_mask(encoded)
    if area == 0:
        return None
    x, y, width, height = find_mask_box(encoded)
    return Region(encoded, (x, y, x + width, y + height), area)
