"""Semantic segmentation at twice the resolution, predicted anew where it is uncertain.

The steps of adaptive subdivision (Kirillov et al. 2020, section 3.1, inference), one a node type.

Legend: N images, K classes, H W height and width of the maps.
"""

import torch
import torch.nn.functional as F

from composer.ranges import PositiveInt
from composer.structures import SemanticLogits
from composer.translation import translated_by
from composer_point_rend.point_sampling import find_uncertain_cells, rate_classes
from composer_point_rend.point_types import PointIndices, PointLogits, UncertainCells


def doubled_pixels(logits: SemanticLogits) -> SemanticLogits:
    """Doubles the resolution of class logits by bilinear interpolation."""
    if len(logits) == 0:
        height, width = logits.shape[2:]
        return logits.new_zeros(0, logits.shape[1], 2 * height, 2 * width)
    return F.interpolate(logits, scale_factor=2.0, mode="bilinear", align_corners=False)


@translated_by("composer_point_rend.onnx_translations:translate_uncertain_pixel_cells")
@torch.no_grad()
def uncertain_pixel_cells(
    logits: SemanticLogits, *, num_points: PositiveInt = 8192
) -> UncertainCells:
    """Finds the cells of every image whose two best classes are closest.

    Args:
        logits: of every class.
        num_points: cells of an image; all of a smaller one.
    """
    height, width = logits.shape[2:]
    return find_uncertain_cells(rate_classes(logits.flatten(2)), (height, width), num_points)


def refined_pixels(
    logits: SemanticLogits, indices: PointIndices, point_logits: PointLogits
) -> SemanticLogits:
    """Replaces the logits of some cells.

    Args:
        logits: of every class.
        indices: the cells, row by row.
        point_logits: their new logits.
    """
    everywhere = indices[:, None].expand(-1, logits.shape[1], -1)
    cells = logits.flatten(2).scatter(2, everywhere, point_logits.to(logits.dtype))
    return cells.view(logits.shape)
