"""The shipped spec of Mask R-CNN R50-FPN against detectron2, run whole and in parts."""

import pytest

from composer import Graph
from parity.configurations import read_state_dict
from parity.golden import (
    DATA,
    FEATURE_TOLERANCE,
    SMALLEST_MATCHED_SHARE,
    GoldenCase,
    assert_features_match,
    assert_instances_match,
    match_boxes,
    matched_share,
    relative_error,
)

SMALL = {
    "stem_out_channels": 8,
    "res2_out_channels": 16,
    "width_per_group": 4,
    "fpn_channels": 16,
    "fc_dim": 32,
    "mask_conv_dim": 16,
    "rpn_post_nms_topk_inference": 200,
}


@pytest.fixture(scope="module")
def golden():
    return GoldenCase("mask_rcnn_fpn")


@pytest.fixture(scope="module")
def graph():
    weights = str(DATA / "mask_rcnn_fpn" / "model.pth")
    graph = Graph.from_spec("mask_rcnn_r50_fpn", weights=weights, **SMALL)
    return graph.requires_grad_(False)


def test_the_state_dict_has_the_keys_and_shapes_of_detectron2():
    graph = Graph.from_spec("mask_rcnn_r50_fpn")
    actual = {name: list(value.shape) for name, value in graph.state_dict().items()}
    assert actual == read_state_dict("mask_rcnn_R_50_FPN_3x")


def test_the_backbone_gives_the_golden_features(graph, golden):
    features = graph.run(golden.records, until="backbone")
    assert list(features) == list(golden.features)
    assert_features_match(features, golden)


def test_golden_features_give_the_golden_proposals(graph, golden):
    proposals = graph.run(
        golden.records, until="proposal_generator", feeds={"backbone": golden.features}
    )
    for found, expected in zip(proposals, golden.proposals[0], strict=True):
        pairs = match_boxes(found, expected)
        assert matched_share(pairs, len(found), len(expected)) >= SMALLEST_MATCHED_SHARE


def test_golden_proposals_give_the_golden_box_features(graph, golden):
    feeds = {"backbone": golden.features, "proposal_generator": golden.proposals[0]}
    pooled = graph.run(golden.records, until="box_pooler", feeds=feeds)
    expected = golden.tensor("intermediate/roi_heads.box_pooler")
    assert relative_error(pooled[: len(expected)], expected) < FEATURE_TOLERANCE


def test_golden_proposals_give_the_golden_instances(graph, golden):
    feeds = {"backbone": golden.features, "proposal_generator": golden.proposals[0]}
    found = graph.run(golden.records, feeds=feeds)
    assert_instances_match([one["instances"] for one in found], golden.instances)


def test_images_give_the_golden_instances_end_to_end(graph, golden):
    found = graph(golden.records)
    assert_instances_match([one["instances"] for one in found], golden.instances)
