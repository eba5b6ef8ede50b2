"""From polygons to pixels.

Legend: H W the raster's height and width.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from composer.structures.polygon_clipping import Polygon
from composer.structures.run_lengths import decode_mask, encode_polygons


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
