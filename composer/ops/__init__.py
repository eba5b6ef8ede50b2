"""Pure functions on boxes, masks, anchors and regions."""

from composer.ops.anchor_grid import (
    flatten_cells,
    make_cell_anchors,
    make_rotated_cell_anchors,
    place_anchors,
)
from composer.ops.box_coding import (
    MAX_LOG_SCALE,
    BoxWeights,
    RotatedBoxWeights,
    decode_deltas,
    decode_rotated_deltas,
    encode_boxes,
    encode_rotated_boxes,
)
from composer.ops.box_kinds import ROTATED, UPRIGHT, AnyBoxWeights, BoxKind, find_box_kind
from composer.ops.edge_distances import decode_distances, encode_distances
from composer.ops.losses import (
    BoxLossName,
    OverlapLossName,
    list_overlap_losses,
    sum_box_loss,
    sum_focal_loss,
    sum_overlap_loss,
)
from composer.ops.matching import (
    Matches,
    check_truth_boxes,
    check_truth_classes,
    find_known_masks,
    match_boxes,
    sample_labels,
)
from composer.ops.nms import batched_nms, batched_nms_rotated, nms_rotated
from composer.ops.region_bins import PoolingGrid
from composer.ops.region_labels import (
    RegionLabels,
    RegionSampling,
    label_regions,
    record_region_counts,
    sample_regions,
)
from composer.ops.region_pooling import can_pool_levels, fits_kernel, pool_levels
from composer.ops.region_sums import fits_sums, sum_regions
from composer.ops.regions import check_offsets, index_regions, pick_class_offsets, split_regions
from composer.ops.rotated_roi_align import roi_align_rotated
from composer.ops.torchvision_operators import align_regions
from composer.ops.winograd import convolve_tiles, count_tiles, transform_kernels
from composer.structures import paste_masks

__all__ = [
    "MAX_LOG_SCALE",
    "ROTATED",
    "UPRIGHT",
    "AnyBoxWeights",
    "BoxKind",
    "BoxLossName",
    "BoxWeights",
    "Matches",
    "OverlapLossName",
    "PoolingGrid",
    "RegionLabels",
    "RegionSampling",
    "RotatedBoxWeights",
    "align_regions",
    "batched_nms",
    "batched_nms_rotated",
    "can_pool_levels",
    "check_offsets",
    "check_truth_boxes",
    "check_truth_classes",
    "convolve_tiles",
    "count_tiles",
    "decode_deltas",
    "decode_distances",
    "decode_rotated_deltas",
    "encode_boxes",
    "encode_distances",
    "encode_rotated_boxes",
    "find_box_kind",
    "find_known_masks",
    "fits_kernel",
    "fits_sums",
    "flatten_cells",
    "index_regions",
    "label_regions",
    "list_overlap_losses",
    "make_cell_anchors",
    "make_rotated_cell_anchors",
    "match_boxes",
    "nms_rotated",
    "paste_masks",
    "pick_class_offsets",
    "place_anchors",
    "pool_levels",
    "record_region_counts",
    "roi_align_rotated",
    "sample_labels",
    "sample_regions",
    "split_regions",
    "sum_box_loss",
    "sum_focal_loss",
    "sum_overlap_loss",
    "sum_regions",
    "transform_kernels",
]
