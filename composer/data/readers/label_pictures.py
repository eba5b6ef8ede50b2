"""Pictures whose values are labels: the masks in them, and what can be wrong with them.

Legend: H W the picture's height and width.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int
from PIL import Image
from pycocotools import mask as coco_mask

from composer.data.readers.annotation_forms import BadPart
from composer.data.records import Box, RunLengths

_COLORS = np.array([1, 256, 65536])  # of COCO's panoptic pictures: red + 256 green + 65536 blue


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


def read_labels(file: Path) -> Int[np.ndarray, "H W"]:
    """Reads a picture of one channel, or of a palette, as it is.

    Raises:
        BadPart: it cannot be read, or has colours.
    """
    labels = _read(file, None)
    if labels.ndim != 2:
        raise BadPart("unreadable_image", f"{file}: labels are one channel, not {labels.shape[2]}")
    return labels


def read_segment_ids(file: Path) -> Int[np.ndarray, "H W"]:
    """Reads a panoptic picture in COCO's colours as ids of segments.

    Raises:
        BadPart: it cannot be read.
    """
    return _read(file, "RGB") @ _COLORS


def cut_region(mask: Bool[np.ndarray, "H W"]) -> Region | None:
    """The region of a mask; None if it has no pixel."""
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    area = int(coco_mask.area(encoded))
    if area == 0:
        return None
    x, y, width, height = map(float, coco_mask.toBbox(encoded))
    return Region(encoded, (x, y, x + width, y + height), area)


def _read(file: Path, mode: str | None) -> Int[np.ndarray, "..."]:
    try:
        with Image.open(file) as picture:
            pixels = np.asarray(picture if mode is None else picture.convert(mode))
    except FileNotFoundError:
        raise BadPart("missing_file", f"there is no such file: {file}") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadPart("unreadable_image", f"{file} cannot be read: {error}") from None
    return pixels.astype(np.int64)
