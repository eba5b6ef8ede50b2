"""What flows through a detection graph: images, boxes, masks, instances, and port types."""

from composer.structures.bit_masks import BitMasks
from composer.structures.box_overlap import pairwise_intersection, pairwise_ioa, pairwise_iou
from composer.structures.boxes import Boxes
from composer.structures.feature_levels import (
    find_channels,
    find_pyramid_strides,
    find_strides,
    pick_levels,
    repeat_for_levels,
    zip_levels,
)
from composer.structures.image_batch import ImageBatch
from composer.structures.image_list import ImageList
from composer.structures.instances import Instances
from composer.structures.keypoints import Keypoints
from composer.structures.panoptic_segmentation import PanopticSegmentation
from composer.structures.polygon_masks import PolygonMasks
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
from composer.structures.roi_masks import ROIMasks
from composer.structures.rotated_boxes import RotatedBoxes
from composer.structures.rotated_overlap import (
    pairwise_intersection_rotated,
    pairwise_iou_rotated,
)
from composer.structures.tensor_shape import TensorShape
from composer.structures.traversal import TensorStructure, iterate_tensors, map_tensors

__all__ = [
    "AnchorClasses",
    "AnchorDeltas",
    "AnchorLabels",
    "AnchorLogits",
    "Anchors",
    "AnyAnchors",
    "AnyBoxes",
    "BitMasks",
    "BoxDeltas",
    "Boxes",
    "Centerness",
    "ClassLogits",
    "ClassProbabilities",
    "Classes",
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
    "PolygonMasks",
    "PortType",
    "PredictedKeypoints",
    "ROIMasks",
    "RegionFeatures",
    "RotatedAnchors",
    "RotatedBoxes",
    "Scores",
    "SemanticLogits",
    "SemanticScores",
    "TensorShape",
    "TensorStructure",
    "find_channels",
    "find_pyramid_strides",
    "find_strides",
    "iterate_tensors",
    "map_tensors",
    "pairwise_intersection",
    "pairwise_intersection_rotated",
    "pairwise_ioa",
    "pairwise_iou",
    "pairwise_iou_rotated",
    "pick_levels",
    "repeat_for_levels",
    "zip_levels",
]
