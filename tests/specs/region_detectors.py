"""The shipped specs of the R-CNN family at a small size, and images that all of them can use."""

from typing import Any

import torch

from composer import Graph
from composer.structures import BitMasks, Boxes, Instances, Keypoints
from known_settings import known_settings

SMALL = {
    "depth": 18,
    "stem_out_channels": 4,
    "res2_out_channels": 8,
    "width_per_group": 2,
    "fpn_channels": 8,
    "fc_dim": 16,
    "mask_conv_dim": 8,
    "keypoint_conv_dim": 8,
    "num_classes": 3,
    "num_keypoints": 2,
    "batch_size_per_image": 16,
    "rpn_batch_size_per_image": 32,
    "rpn_post_nms_topk_training": 30,
    "rpn_post_nms_topk_inference": 30,
    "score_threshold": 0.0,
}
GROUPS_OF_TWO = {
    "stem_out_channels": 64,
    "res2_out_channels": 64,
    "fpn_channels": 64,
    "roi_heads.box_head": {"conv_dims": [64, 64, 64, 64], "fc_dims": [16]},
    "mask_conv_dim": 64,
}
EXCEPTIONS: dict[str, dict[str, Any]] = {
    "faster_rcnn_r50_dc5": {"depth": 50},
    "mask_rcnn_r50_dc5": {"depth": 50},
    "mask_rcnn_r50_fpn_dconv": {"depth": 50},
    "mask_rcnn_r50_fpn_gn": GROUPS_OF_TWO,
    "mask_rcnn_r50_fpn_syncbn": {
        "roi_heads.box_head": {"conv_dims": [8, 8, 8, 8], "fc_dims": [16]}
    },
    "mask_rcnn_x101_fpn": {"depth": 50, "num_groups": 2},
}
FAMILIES = [
    "faster_rcnn_r50_fpn",
    "mask_rcnn_r50_fpn",
    "keypoint_rcnn_r50_fpn",
    "cascade_rcnn_r50_fpn",
    "cascade_mask_rcnn_r50_fpn",
    "faster_rcnn_r50_c4",
    "mask_rcnn_r50_c4",
    "faster_rcnn_r50_dc5",
    "fast_rcnn_r50_fpn",
    "rpn_r50_fpn",
    "rpn_r50_c4",
]
VARIANTS = [
    "mask_rcnn_r50_dc5",
    "mask_rcnn_r50_fpn_gn",
    "mask_rcnn_r50_fpn_syncbn",
    "mask_rcnn_r50_fpn_lvis",
    "mask_rcnn_x101_fpn",
]


def build(spec: str, nodes: dict[str, Any] | None = None, **params: Any) -> Graph:
    """The small version of a shipped spec, with changes to its nodes and params."""
    small = {**SMALL, **EXCEPTIONS.get(spec, {})}
    given = {**known_settings(spec, small), **params}
    if nodes is None:
        return Graph.from_spec(spec, **given)
    return Graph.from_spec({"composer": 1, "extends": spec, "nodes": nodes}, **given)


def record(rows: int, columns: int, **entries: Any) -> dict[str, Any]:
    """An image with proposals."""
    boxes = [[0.0, 0.0, columns, rows], [columns / 4, rows / 4, columns / 2, rows / 2]]
    proposals = Instances(
        (rows, columns), proposal_boxes=Boxes(boxes), objectness_logits=torch.tensor([1.0, 0.5])
    )
    return {"image": torch.rand(3, rows, columns) * 255, "proposals": proposals, **entries}


def labelled(*boxes: list[float], size: tuple[int, int] = (64, 96)) -> dict[str, Any]:
    """An image with objects: masks fill the left half of their boxes, keypoints mark corners."""
    rows, columns = size
    masks = torch.zeros(len(boxes), rows, columns, dtype=torch.bool)
    keypoints = torch.ones(len(boxes), 2, 3)
    for index, (x1, y1, x2, y2) in enumerate(boxes):
        masks[index, int(y1) : int(y2), int(x1) : int((x1 + x2) / 2)] = True
        keypoints[index, :, :2] = torch.tensor([[x1 + 2, y1 + 2], [x2 - 2, y2 - 2]])
    instances = Instances(
        size,
        gt_boxes=Boxes(list(boxes)),
        gt_classes=torch.zeros(len(boxes), dtype=torch.int64),
        gt_masks=BitMasks(masks),
        gt_keypoints=Keypoints(keypoints),
    )
    return record(rows, columns, instances=instances)
