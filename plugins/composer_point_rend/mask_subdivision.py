"""Masks at twice the resolution, predicted anew where they are uncertain.

The steps of adaptive subdivision (Kirillov et al. 2020, section 3.1, inference), one a node type:
`grid_points` and `grid_masks` make the first masks; a subdivision is `doubled_masks`,
`uncertain_mask_cells`, the point head at these cells, and `refined_masks`.

A mask is that of the region's class alone: other classes' are never looked at.

Legend: R regions over all images, H W height and width of a mask.
"""

import math

import torch
import torch.nn.functional as F

from composer.ranges import PositiveInt
from composer.structures import Boxes, Classes, MaskLogits
from composer.translation import translated_by
from composer_point_rend.point_sampling import find_uncertain_cells, make_grid, pick_class
from composer_point_rend.point_types import PointIndices, PointLogits, Points, UncertainCells
from composer_point_rend.uncertain_points import join_classes


@translated_by("composer_point_rend.onnx_translations:translate_grid_points")
def grid_points(boxes: list[Boxes], *, side: PositiveInt = 28) -> Points:
    """Places a regular grid of points in every region.

    Args:
        boxes: the regions of every image.
        side: points of a row and of a column.
    """
    device = boxes[0].device if boxes else None
    grid = make_grid(side, device)
    return grid.expand(sum(len(one) for one in boxes), -1, -1)


@translated_by("composer_point_rend.onnx_translations:translate_grid_masks")
def grid_masks(point_logits: PointLogits, classes: list[Classes]) -> MaskLogits:
    """Makes masks of the logits on a regular grid, row by row.

    Args:
        point_logits: of the grid's points.
        classes: the regions' classes, per image.

    Returns:
        One mask a region, that of its class.

    Raises:
        ValueError: the points are those of no square grid, or the numbers of regions differ.
    """
    side = math.isqrt(point_logits.shape[2])
    if side * side != point_logits.shape[2]:
        raise ValueError(f"{point_logits.shape[2]} points do not make a square grid.")
    own = pick_class(point_logits, join_classes(classes).to(point_logits.device))
    return own.reshape(len(own), 1, side, side)


def doubled_masks(mask_logits: MaskLogits) -> MaskLogits:
    """Doubles the resolution of masks by bilinear interpolation."""
    if len(mask_logits) == 0:
        height, width = mask_logits.shape[2:]
        return mask_logits.new_zeros(0, mask_logits.shape[1], 2 * height, 2 * width)
    return F.interpolate(mask_logits, scale_factor=2.0, mode="bilinear", align_corners=False)


@translated_by("composer_point_rend.onnx_translations:translate_uncertain_mask_cells")
@torch.no_grad()
def uncertain_mask_cells(
    mask_logits: MaskLogits, *, num_points: PositiveInt = 784
) -> UncertainCells:
    """Finds the cells of every mask whose logit is closest to zero.

    Args:
        mask_logits: one mask a region.
        num_points: cells of a mask; all of a smaller one.

    Raises:
        ValueError: regions have several masks.
    """
    num_regions, num_masks, height, width = mask_logits.shape
    if num_masks != 1:
        raise ValueError(f"One mask a region was expected, not {num_masks}.")
    uncertainty = -mask_logits.abs().reshape(num_regions, height * width)
    return find_uncertain_cells(uncertainty, (height, width), num_points)


@translated_by("composer_point_rend.onnx_translations:translate_refined_masks")
def refined_masks(
    mask_logits: MaskLogits,
    indices: PointIndices,
    point_logits: PointLogits,
    classes: list[Classes],
) -> MaskLogits:
    """Replaces the logits of some cells.

    Args:
        mask_logits: one mask a region.
        indices: the cells, row by row.
        point_logits: their new logits, of all classes or of one mask.
        classes: the regions' classes, per image.

    Raises:
        ValueError: the numbers of regions differ.
    """
    own = pick_class(point_logits, join_classes(classes).to(point_logits.device))
    cells = mask_logits.flatten(1).scatter(1, indices, own.to(mask_logits.dtype))
    return cells.view(mask_logits.shape)
