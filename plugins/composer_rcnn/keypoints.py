"""From keypoint logits to the keypoints of the detections.

Legend: R regions, K keypoints, S the side of a heatmap.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from composer.ops import split_regions
from composer.structures import Boxes, KeypointHeatmaps, KeypointLogits, PredictedKeypoints
from composer.translation import translated_by


class DetectedKeypoints(NamedTuple):
    """The keypoints of every image's detections.

    Args:
        keypoints: (x, y, score) in pixels, K a detection.
        heatmaps: the logits that they were found in, over each detection's box.
    """

    keypoints: list[PredictedKeypoints]
    heatmaps: list[KeypointHeatmaps]


@translated_by("composer_rcnn.onnx_results:translate_keypoints")
def keypoints(keypoint_logits: KeypointLogits, boxes: list[Boxes]) -> DetectedKeypoints:
    """Takes the most likely place of every keypoint (He et al. 2017, section 5).

    The heatmaps have gradients, the places have none.

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


@torch.no_grad()
def decode_heatmaps(
    maps: Float[Tensor, "R K S S"], boxes: Float[Tensor, "R 4"]
) -> Float[Tensor, "R K 3"]:
    """Finds the most likely place of every keypoint, to the pixel (He et al. 2017, section 5).

    Each map is enlarged to the size of its box, so that places are not bound to its cells.

    Args:
        maps: logits on a square grid over each box.
        boxes: XYXY in pixels; sides below 1 count as 1.

    Returns:
        (x, y, score): x and y in pixels, in the middle of a pixel of the enlarged map; the score
        is the softmax at that place, relative to the map before it was enlarged.
    """
    maps = maps.float()
    sizes = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1)
    found = maps.new_zeros(*maps.shape[:2], 3)
    for row, (width, height) in enumerate(sizes.ceil().long().tolist()):
        enlarged = F.interpolate(
            maps[row : row + 1], size=(height, width), mode="bicubic", align_corners=False
        )[0].flatten(1)
        best, place = enlarged.max(dim=1)
        cell = torch.stack((place % width, place // width), dim=1) + 0.5
        pixels_per_cell = sizes[row] / sizes.new_tensor([width, height])
        found[row, :, :2] = cell * pixels_per_cell + boxes[row, :2]
        found[row, :, 2] = 1 / (maps[row].flatten(1) - best[:, None]).exp().sum(dim=1)
    return found
