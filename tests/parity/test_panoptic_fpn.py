"""The shipped spec of Panoptic FPN against detectron2: whole, in parts, and in training."""

import pytest
import torch

from composer import Graph
from parity.configurations import read_state_dict
from parity.golden import (
    DATA,
    FEATURE_TOLERANCE,
    SMALLEST_MATCHED_SHARE,
    GoldenCase,
    assert_features_match,
    assert_instances_match,
    relative_error,
)
from parity.golden_segments import assert_segments_match
from parity.golden_training import GoldenTraining, assert_step_matches

SMALL = {
    "stem_out_channels": 8,
    "res2_out_channels": 16,
    "width_per_group": 4,
    "fpn_channels": 16,
    "fc_dim": 32,
    "mask_conv_dim": 16,
    "sem_seg_convs_dim": 32,
    "rpn_post_nms_topk_inference": 200,
    "rpn_batch_size_per_image": 50000,
    "batch_size_per_image": 8192,
}

NOT_SEMANTIC = {
    "fc_dim",
    "mask_conv_dim",
    "rpn_post_nms_topk_inference",
    "rpn_batch_size_per_image",
    "batch_size_per_image",
}


@pytest.fixture(scope="module")
def golden():
    return GoldenCase("panoptic_fpn")


def build():
    weights = str(DATA / "panoptic_fpn" / "model.pth")
    return Graph.from_spec("panoptic_r50_fpn", weights=weights, **SMALL)


@pytest.fixture(scope="module")
def graph():
    return build().requires_grad_(False)


@pytest.mark.parametrize(
    ("spec", "listing"),
    [
        ("panoptic_r50_fpn", "panoptic_fpn_R_50_3x"),
        ("semantic_r50_fpn", "semantic_R_50_FPN_1x"),
    ],
)
def test_the_state_dict_has_the_keys_and_shapes_of_detectron2(spec, listing):
    state = Graph.from_spec(spec).state_dict()
    found = {name: list(value.shape) for name, value in state.items()}
    assert found == read_state_dict(listing)


def test_the_backbone_gives_the_golden_features(graph, golden):
    features = graph.run(golden.records, until="backbone")
    assert_features_match(features, golden)


def test_images_give_the_golden_semantic_scores(graph, golden):
    found = graph.run(golden.records, until="sem_seg_postprocess")
    for image, scores in enumerate(found):
        expected = golden.tensor(f"output/{image}/sem_seg.every16")
        assert relative_error(scores[:, ::16, ::16], expected) < FEATURE_TOLERANCE
        classes = golden.tensor(f"output/{image}/sem_seg.argmax")
        assert (scores.argmax(dim=0) == classes).float().mean() > SMALLEST_MATCHED_SHARE


def test_golden_proposals_give_the_golden_instances_and_segments(graph, golden):
    feeds = {"proposal_generator": golden.proposals[0]}
    found = graph.run(golden.records, feeds=feeds)
    assert_instances_match([one["instances"] for one in found], golden.instances)
    for image, one in enumerate(found):
        assert_segments_match(one["panoptic_seg"], golden, image)


def test_images_give_the_golden_segments_end_to_end(graph, golden):
    found = graph(golden.records)
    assert [list(one) for one in found] == [["instances", "sem_seg", "panoptic_seg"]] * 2
    for image, one in enumerate(found):
        assert one["panoptic_seg"].segment_ids.dtype == torch.int32
        assert_segments_match(one["panoptic_seg"], golden, image)


def test_the_semantic_part_alone_gives_the_same_scores(graph, golden):
    semantic = Graph.from_spec(
        "semantic_r50_fpn",
        weights={},
        **{name: value for name, value in SMALL.items() if name not in NOT_SEMANTIC},
    ).requires_grad_(False)
    semantic.load(str(DATA / "panoptic_fpn" / "model.pth"), allow_unexpected=True)
    whole, part = graph.run(golden.records, until="sem_seg_postprocess"), semantic(golden.records)
    for scores, one in zip(whole, part, strict=True):
        assert torch.equal(scores, one["sem_seg"])


def test_a_training_step_gives_the_golden_losses_and_gradients():
    assert_step_matches(build(), GoldenTraining("panoptic_fpn"))
