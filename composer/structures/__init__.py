"""The values of detection graphs: images, boxes, masks, instances; and port types."""

import importlib
import sys
from typing import TYPE_CHECKING

from composer.lazy_face import lazy_face

if TYPE_CHECKING:
    from composer.structures.bit_masks import BitMasks, encode_masks
    from composer.structures.box_mode import BoxMode
    from composer.structures.boxes import Boxes, pairwise_intersection, pairwise_ioa, pairwise_iou
    from composer.structures.feature_levels import (
        TensorShape,
        find_channels,
        find_pyramid_strides,
        find_strides,
        get_channels,
        pick_levels,
        repeat_for_levels,
        require_levels,
        zip_levels,
    )
    from composer.structures.image_batch import ImageBatch
    from composer.structures.image_list import ImageList
    from composer.structures.instances import Instances
    from composer.structures.instances_table import list_columns, list_rows
    from composer.structures.keypoints import Keypoints
    from composer.structures.mask_pasting import paste_masks
    from composer.structures.panoptic_segmentation import PanopticSegmentation
    from composer.structures.polygon_clipping import (
        LONGEST_OUTLINE,
        Polygon,
        bound_polygons,
        clip_polygon,
        measure_polygon,
    )
    from composer.structures.polygon_masks import PolygonMasks
    from composer.structures.polygon_raster import rasterize_polygons
    from composer.structures.port_types import (
        AnchorClasses,
        AnchorDeltas,
        AnchorLabels,
        AnchorLogits,
        Anchors,
        AnyAnchors,
        AnyBoxes,
        BoxDeltas,
        Centerness,
        Classes,
        ClassLogits,
        ClassProbabilities,
        ClassWeights,
        DistanceLogits,
        EdgeDistances,
        Features,
        Indices,
        KeypointHeatmaps,
        KeypointLogits,
        Losses,
        MaskLogits,
        MaskProbabilities,
        Objectness,
        PortType,
        PredictedKeypoints,
        RegionFeatures,
        RotatedAnchors,
        Scores,
        SemanticLogits,
        SemanticScores,
    )
    from composer.structures.precision import at_least_float32
    from composer.structures.pytrees import register_attributes
    from composer.structures.roi_masks import ROIMasks
    from composer.structures.rotated_boxes import RotatedBoxes, normalize_angles, rotate_points
    from composer.structures.rotated_overlap import (
        ROTATED_IOU_TOLERANCE,
        intersect_pairs,
        iterate_pairs,
        pairwise_intersection_rotated,
        pairwise_iou_rotated,
    )
    from composer.structures.row_order import has_kept_rows, keeps_rows
    from composer.structures.run_lengths import (
        RunLengths,
        compress_run_lengths,
        decode_mask,
        encode_mask,
        encode_segmentation,
        find_mask_box,
        mask_to_text,
        measure_mask,
        read_run_lengths,
    )
    from composer.structures.tensor_sizes import check_samples, check_size
    from composer.structures.traversal import TensorStructure, iterate_tensors, map_tensors

__all__ = [
    "LONGEST_OUTLINE",
    "ROTATED_IOU_TOLERANCE",
    "AnchorClasses",
    "AnchorDeltas",
    "AnchorLabels",
    "AnchorLogits",
    "Anchors",
    "AnyAnchors",
    "AnyBoxes",
    "BitMasks",
    "BoxDeltas",
    "BoxMode",
    "Boxes",
    "Centerness",
    "ClassLogits",
    "ClassProbabilities",
    "ClassWeights",
    "Classes",
    "DistanceLogits",
    "EdgeDistances",
    "Features",
    "ImageBatch",
    "ImageList",
    "Indices",
    "Instances",
    "KeypointHeatmaps",
    "KeypointLogits",
    "Keypoints",
    "Losses",
    "MaskLogits",
    "MaskProbabilities",
    "Objectness",
    "PanopticSegmentation",
    "Polygon",
    "PolygonMasks",
    "PortType",
    "PredictedKeypoints",
    "ROIMasks",
    "RegionFeatures",
    "RotatedAnchors",
    "RotatedBoxes",
    "RunLengths",
    "Scores",
    "SemanticLogits",
    "SemanticScores",
    "TensorShape",
    "TensorStructure",
    "at_least_float32",
    "bound_polygons",
    "check_samples",
    "check_size",
    "clip_polygon",
    "compress_run_lengths",
    "decode_mask",
    "encode_mask",
    "encode_masks",
    "encode_segmentation",
    "find_channels",
    "find_mask_box",
    "find_pyramid_strides",
    "find_strides",
    "get_channels",
    "has_kept_rows",
    "intersect_pairs",
    "iterate_pairs",
    "iterate_tensors",
    "keeps_rows",
    "list_columns",
    "list_rows",
    "map_tensors",
    "mask_to_text",
    "measure_mask",
    "measure_polygon",
    "normalize_angles",
    "pairwise_intersection",
    "pairwise_intersection_rotated",
    "pairwise_ioa",
    "pairwise_iou",
    "pairwise_iou_rotated",
    "paste_masks",
    "pick_levels",
    "rasterize_polygons",
    "read_run_lengths",
    "register_attributes",
    "repeat_for_levels",
    "require_levels",
    "rotate_points",
    "zip_levels",
]


def _register() -> None:
    """Registers structures as pytrees, as soon as torch is there, by an import."""
    if "torch" in sys.modules:
        importlib.import_module("composer.structures.pytrees")


__getattr__, __dir__ = lazy_face(__name__, _register)
