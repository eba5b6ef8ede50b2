"""The shipped spec of RetinaNet R50-FPN against detectron2: whole, in parts, and in training."""

import pytest

from composer import Graph
from parity.configurations import read_state_dict
from parity.golden import (
    DATA,
    GoldenCase,
    assert_features_match,
    assert_instances_match,
)
from parity.golden_training import GoldenTraining, assert_step_matches

SMALL = {
    "stem_out_channels": 8,
    "res2_out_channels": 16,
    "width_per_group": 4,
    "fpn_channels": 16,
}


@pytest.fixture(scope="module")
def golden():
    return GoldenCase("retinanet")


def build():
    weights = str(DATA / "retinanet" / "model.pth")
    return Graph.from_spec("retinanet_r50_fpn", weights=weights, **SMALL)


@pytest.fixture(scope="module")
def graph():
    return build().requires_grad_(False)


def test_the_state_dict_has_the_keys_and_shapes_of_detectron2():
    graph = Graph.from_spec("retinanet_r50_fpn")
    actual = {name: list(value.shape) for name, value in graph.state_dict().items()}
    assert actual == read_state_dict("retinanet_R_50_FPN_3x")


def test_the_backbone_gives_the_golden_features(graph, golden):
    features = graph.run(golden.records, until="backbone")
    assert list(features) == list(golden.features) == ["p3", "p4", "p5", "p6", "p7"]
    assert_features_match(features, golden)


def test_golden_features_give_the_golden_instances(graph, golden):
    found = graph.run(golden.records, feeds={"backbone": golden.features})
    assert_instances_match([one["instances"] for one in found], golden.instances)


def test_images_give_the_golden_instances_end_to_end(graph, golden):
    found = graph(golden.records)
    assert_instances_match([one["instances"] for one in found], golden.instances)


def test_a_training_step_gives_the_golden_losses_and_gradients():
    assert_step_matches(build(), GoldenTraining("retinanet"))
