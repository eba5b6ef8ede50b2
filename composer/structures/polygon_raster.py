"""From polygons to pixels.

Legend: H W the raster's height and width, S the side of a square raster.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from composer.structures.polygon_clipping import Polygon
from composer.structures.run_lengths import decode_mask, encode_polygons

# A thinner box is stretched as if it had this side (in pixels), to not divide by nothing.
_SMALLEST_SIDE = 0.1


def rasterize_polygons(
    polygons: Sequence[Polygon], height: int, width: int
) -> Bool[np.ndarray, "H W"]:
    """Fills the union of an object's polygons, as COCO's own tools do.

    Args:
        polygons: the object's parts; none make an empty mask.
        height: rows of the raster.
        width: columns of the raster.
    """
    return decode_mask(encode_polygons(polygons, height, width))


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
