"""The R-CNN family against detectron2: intermediates, outputs, losses and gradients.

That the small weights load, with none missing and none left over, holds the names and the shapes.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from composer import Graph
from parity.golden import (
    FEATURE_TOLERANCE,
    SCORE_TOLERANCE,
    SMALLEST_MATCHED_SHARE,
    GoldenCase,
    assert_features_match,
    assert_instances_match,
    match_boxes,
    match_instances,
    matched_share,
    relative_error,
)
from parity.golden_training import GoldenTraining, assert_step_matches

BACKBONE = {"stem_out_channels": 8, "res2_out_channels": 16, "width_per_group": 4}
PYRAMID = {**BACKBONE, "fpn_channels": 16, "fc_dim": 32}
SAMPLING = {"rpn_batch_size_per_image": 50000, "batch_size_per_image": 8192}
PROPOSALS = {"rpn_post_nms_topk_inference": 200}
KEYPOINT_TOLERANCE = 1.0  # pixels


@dataclass(frozen=True)
class Model:
    """A case, and the shipped spec and params that make it."""

    case: str
    spec: str
    params: dict[str, Any] = field(default_factory=dict)

    def build(self) -> Graph:
        return Graph.from_spec(self.spec, weights=GoldenCase(self.case).weights, **self.params)


MASK = Model(
    "mask_rcnn_fpn", "mask_rcnn_r50_fpn", {**PYRAMID, **SAMPLING, **PROPOSALS, "mask_conv_dim": 16}
)
C4 = Model("faster_rcnn_c4", "faster_rcnn_r50_c4", {**BACKBONE, **SAMPLING, **PROPOSALS})
KEYPOINT = Model(
    "keypoint_rcnn_fpn",
    "keypoint_rcnn_r50_fpn",
    {**PYRAMID, **SAMPLING, **PROPOSALS, "keypoint_conv_dim": 16},
)
CASCADE = Model("cascade_mask_rcnn_fpn", "cascade_mask_rcnn_r50_fpn", MASK.params)

by_case = pytest.mark.parametrize("model", [C4, KEYPOINT, CASCADE], ids=lambda model: model.case)


@by_case
def test_images_give_the_golden_features_and_proposals(model):
    golden = GoldenCase(model.case)
    graph = model.build().requires_grad_(False)
    found = graph.run(golden.records, until=["backbone", "proposal_generator"])
    assert_features_match(found["backbone"], golden)
    for boxes, expected in zip(found["proposal_generator"], golden.proposals[0], strict=True):
        pairs = match_boxes(boxes, expected)
        assert matched_share(pairs, len(boxes), len(expected)) >= SMALLEST_MATCHED_SHARE


@by_case
def test_golden_proposals_give_the_golden_instances(model):
    golden = GoldenCase(model.case)
    graph = model.build().requires_grad_(False)
    found = graph.run(golden.records, feeds={"proposal_generator": golden.proposals[0]})
    assert_instances_match([one["instances"] for one in found], golden.instances)


@by_case
def test_images_give_the_golden_instances_end_to_end(model):
    golden = GoldenCase(model.case)
    found = model.build().requires_grad_(False)(golden.records)
    assert_instances_match([one["instances"] for one in found], golden.instances)


@pytest.mark.parametrize("model", [MASK, C4, KEYPOINT, CASCADE], ids=lambda model: model.case)
def test_a_training_step_gives_the_golden_losses_and_gradients(model):
    assert_step_matches(model.build(), GoldenTraining(model.case))


@pytest.mark.parametrize(
    ("model", "pooler"),
    [(KEYPOINT, "box_pooler"), (CASCADE, "stage2.box_pooler")],
    ids=lambda value: getattr(value, "case", value),
)
def test_golden_proposals_give_the_golden_box_features(model, pooler):
    golden = GoldenCase(model.case)
    graph = model.build().requires_grad_(False)
    feeds = {"proposal_generator": golden.proposals[0]}
    pooled = graph.run(golden.records, until=f"roi_heads.{pooler}", feeds=feeds)
    expected = golden.tensor("intermediate/roi_heads.box_pooler")
    assert relative_error(pooled[: len(expected)], expected) < FEATURE_TOLERANCE


def test_detections_have_the_golden_keypoints_and_heatmaps():
    golden = GoldenCase(KEYPOINT.case)
    graph = KEYPOINT.build().requires_grad_(False)
    found = graph.run(golden.records, feeds={"proposal_generator": golden.proposals[0]})
    distances, scores = [], []
    for image, expected in enumerate(golden.instances):
        actual = found[image]["instances"]
        heatmaps = golden.tensor(f"output/{image}/instances/pred_keypoint_heatmaps.every4")
        for row, column in match_instances(actual, expected):
            difference = actual.pred_keypoints[row] - expected.pred_keypoints[column]
            distances.append(difference[:, :2].norm(dim=1))
            scores.append(difference[:, 2].abs())
            if column < len(heatmaps):
                every4 = actual.pred_keypoint_heatmaps[row, :, ::4, ::4]
                assert relative_error(every4, heatmaps[column]) < FEATURE_TOLERANCE
    is_near = torch.cat(distances) <= KEYPOINT_TOLERANCE
    assert is_near.float().mean() >= SMALLEST_MATCHED_SHARE
    assert torch.cat(scores).quantile(0.99) < SCORE_TOLERANCE


def test_given_proposals_give_the_golden_instances():
    golden = GoldenCase("fast_rcnn_fpn")
    params = {**PYRAMID, "batch_size_per_image": 8192}
    graph = Graph.from_spec("fast_rcnn_r50_fpn", weights=golden.weights, **params)
    graph.requires_grad_(False)
    records = golden.records
    pooled = graph.run(records, until="box_pooler")
    expected = golden.tensor("intermediate/roi_heads.box_pooler")
    assert relative_error(pooled[: len(expected)], expected) < FEATURE_TOLERANCE
    assert_instances_match([one["instances"] for one in graph(records)], golden.instances)
