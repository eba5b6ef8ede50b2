"""From keypoint logits to the keypoints of the detections."""

from typing import NamedTuple

import torch

from composer.ops import split_regions
from composer.structures import Boxes, KeypointHeatmaps, KeypointLogits, PredictedKeypoints
from composer_rcnn.heatmap_decoding import decode_heatmaps


class DetectedKeypoints(NamedTuple):
    """The keypoints of every image's detections.

    Args:
        keypoints: (x, y, score) in pixels, K a detection.
        heatmaps: the logits that they were found in, over each detection's box.
    """

    keypoints: list[PredictedKeypoints]
    heatmaps: list[KeypointHeatmaps]


@torch.no_grad()
def keypoints(keypoint_logits: KeypointLogits, boxes: list[Boxes]) -> DetectedKeypoints:
    """Takes the most likely place of every keypoint (He et al. 2017, section 5).

    Args:
        keypoint_logits: of all detections, one map a keypoint.
        boxes: the detections' boxes, per image.

    Raises:
        ValueError: the numbers of sets of maps and of boxes differ.
    """
    counts = [len(one) for one in boxes]
    if sum(counts) != len(keypoint_logits):
        raise ValueError(f"Keypoints of {len(keypoint_logits)}, but {sum(counts)} boxes.")
    all_boxes = Boxes.cat(boxes).tensor.to(keypoint_logits.device)
    found = decode_heatmaps(keypoint_logits, all_boxes)
    return DetectedKeypoints(split_regions(found, counts), split_regions(keypoint_logits, counts))
