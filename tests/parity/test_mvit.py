"""Mask R-CNN on an MViTv2 against detectron2: keys, features, outputs, losses, gradients."""

import pytest
import torch

from composer import Graph
from parity.configurations import read_lazy_state_dict
from parity.golden import (
    SMALLEST_MATCHED_SHARE,
    GoldenCase,
    assert_features_match,
    assert_instances_match,
    match_boxes,
    matched_share,
)
from parity.golden_training import GoldenTraining, assert_step_matches

CASE = "mask_rcnn_mvitv2_t"
SMALL = {
    "preprocess.square_size": 320,
    "backbone.bottom_up.depth": 6,
    "backbone.bottom_up.embed_dim": 16,
    "backbone.bottom_up.last_block_indexes": [0, 2, 4, 5],
    "drop_path_rate": 0.0,
    "fpn_channels": 16,
    "fc_dim": 32,
    "mask_conv_dim": 16,
    "rpn_post_nms_topk_inference": 200,
    "rpn_batch_size_per_image": 50000,
    "batch_size_per_image": 8192,
}


@pytest.fixture(scope="module")
def golden():
    return GoldenCase(CASE)


def build():
    return Graph.from_spec("mask_rcnn_mvitv2_fpn", weights=GoldenCase(CASE).weights, **SMALL)


@pytest.fixture(scope="module")
def graph():
    return build().requires_grad_(False)


@pytest.mark.parametrize(
    ("spec", "params", "name"),
    [
        ("cascade_mask_rcnn_mvitv2_fpn", {"size": "t"}, "MViTv2__cascade_mask_rcnn_mvitv2_t_3x"),
        ("cascade_mask_rcnn_mvitv2_fpn", {}, "MViTv2__cascade_mask_rcnn_mvitv2_b_3x"),
        (
            "cascade_mask_rcnn_mvitv2_fpn",
            {"size": "l"},
            "MViTv2__cascade_mask_rcnn_mvitv2_l_in21k_lsj_50ep",
        ),
        (
            "cascade_mask_rcnn_mvitv2_vitdet",
            {},
            "ViTDet-COCO__cascade_mask_rcnn_mvitv2_b_in21k_100ep",
        ),
        (
            "cascade_mask_rcnn_mvitv2_vitdet_lvis",
            {},
            "ViTDet-LVIS__cascade_mask_rcnn_mvitv2_b_in21k_100ep",
        ),
    ],
)
def test_the_state_dict_has_the_keys_and_shapes_of_detectron2(spec, params, name):
    with torch.device("meta"):
        graph = Graph.from_spec(spec, **params)
    actual = {name: list(value.shape) for name, value in graph.state_dict().items()}
    assert actual == read_lazy_state_dict(name)


def test_images_give_the_golden_features_and_proposals(graph, golden):
    found = graph.run(golden.records, until=["backbone", "proposal_generator"])
    assert_features_match(found["backbone"], golden)
    for boxes, expected in zip(found["proposal_generator"], golden.proposals[0], strict=True):
        pairs = match_boxes(boxes, expected)
        assert matched_share(pairs, len(boxes), len(expected)) >= SMALLEST_MATCHED_SHARE


def test_golden_proposals_give_the_golden_instances(graph, golden):
    found = graph.run(golden.records, feeds={"proposal_generator": golden.proposals[0]})
    assert_instances_match([one["instances"] for one in found], golden.instances)


def test_images_give_the_golden_instances_end_to_end(graph, golden):
    found = graph(golden.records)
    assert_instances_match([one["instances"] for one in found], golden.instances)


def test_a_training_step_gives_the_golden_losses_and_gradients():
    assert_step_matches(build(), GoldenTraining(CASE))
