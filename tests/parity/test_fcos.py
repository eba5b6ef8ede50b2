"""The shipped spec of FCOS against detectron2: keys, and on a small RegNet, whole and in training.

Its images are small: distances, ranges of levels, centres and losses all take part.
"""

import pytest
import torch

from composer import Graph
from parity.configurations import read_lazy_state_dict
from parity.golden import GoldenCase, assert_features_match, assert_instances_match
from parity.golden_training import GoldenTraining, assert_step_matches

SPEC = """\
composer: 1
name: fcos_regnet
extends: fcos_r50_fpn
set:
  backbone.fpn.out_channels: 32
  detections.score_threshold: 0.05
nodes:
  backbone:
    nodes:
      bottom_up:
        uses: regnet_backbone
        with:
          depth: 6
          w_0: 8
          w_a: 8.0
          w_m: 2.0
          group_width: 8
          stem_width: 8
          out_features: [s2, s3, s4]
          norm: FrozenBN
          freeze_at: 0
"""


@pytest.fixture(scope="module")
def golden():
    return GoldenCase("fcos")


@pytest.fixture
def build(tmp_path):
    def build_graph():
        path = tmp_path / "fcos_regnet.yaml"
        path.write_text(SPEC)
        return Graph.from_spec(path, weights=GoldenCase("fcos").weights)

    return build_graph


def test_the_state_dict_has_the_keys_and_shapes_of_detectron2():
    with torch.device("meta"):
        graph = Graph.from_spec("fcos_r50_fpn")
    actual = {name: list(value.shape) for name, value in graph.state_dict().items()}
    assert actual == read_lazy_state_dict("COCO-Detection__fcos_R_50_FPN_1x")


def test_the_backbone_gives_the_golden_features(build, golden):
    features = build().requires_grad_(False).run(golden.records, until="backbone")
    assert list(features) == ["p3", "p4", "p5", "p6", "p7"]
    assert_features_match(features, golden)


def test_images_give_the_golden_instances_end_to_end(build, golden):
    found = build().requires_grad_(False)(golden.records)
    assert_instances_match([one["instances"] for one in found], golden.instances)


def test_a_training_step_gives_the_golden_losses_and_gradients(build):
    assert_step_matches(build(), GoldenTraining("fcos"))
