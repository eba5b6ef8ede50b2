"""Pure functions on boxes, masks, anchors and regions."""

from composer.ops.anchor_grid import make_cell_anchors, place_anchors
from composer.ops.box_coding import MAX_LOG_SCALE, BoxWeights, decode_deltas, encode_boxes
from composer.ops.box_losses import BoxLossName, OverlapLossName, sum_box_loss, sum_overlap_loss
from composer.ops.cell_flattening import flatten_cells
from composer.ops.edge_distances import decode_distances, encode_distances
from composer.ops.level_assignment import assign_levels, assign_levels_by_area
from composer.ops.matching import Matches, match_boxes
from composer.ops.nms import batched_nms
from composer.ops.regions import index_regions, index_rotated_regions, split_regions
from composer.ops.rotated_anchor_grid import make_rotated_cell_anchors, place_rotated_anchors
from composer.ops.rotated_box_coding import (
    RotatedBoxWeights,
    decode_rotated_deltas,
    encode_rotated_boxes,
)
from composer.ops.rotated_nms import batched_nms_rotated, nms_rotated
from composer.ops.rotated_roi_align import roi_align_rotated
from composer.ops.sampling import sample_labels
from composer.structures.mask_pasting import paste_masks

__all__ = [
    "MAX_LOG_SCALE",
    "BoxLossName",
    "BoxWeights",
    "Matches",
    "OverlapLossName",
    "RotatedBoxWeights",
    "assign_levels",
    "assign_levels_by_area",
    "batched_nms",
    "batched_nms_rotated",
    "decode_deltas",
    "decode_distances",
    "decode_rotated_deltas",
    "encode_boxes",
    "encode_distances",
    "encode_rotated_boxes",
    "flatten_cells",
    "index_regions",
    "index_rotated_regions",
    "make_cell_anchors",
    "make_rotated_cell_anchors",
    "match_boxes",
    "nms_rotated",
    "paste_masks",
    "place_anchors",
    "place_rotated_anchors",
    "roi_align_rotated",
    "sample_labels",
    "split_regions",
    "sum_box_loss",
    "sum_overlap_loss",
]
