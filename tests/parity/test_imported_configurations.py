"""Configurations of detectron2's model zoo become specs of the same weights and results."""

import pytest
import torch

from composer import Graph, import_config
from composer.importing import read_import
from composer.importing.config import default_values
from parity.configurations import read_configurations
from parity.golden import GoldenCase, assert_instances_match
from parity.golden_segments import assert_segments_match
from parity.golden_training import LOSS_TOLERANCE, GoldenTraining, assert_step_matches

ZOO = read_configurations()["zoo"]
CASES = sorted(read_configurations()["cases"])


@pytest.fixture
def write(tmp_path):
    def write_config(text):
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return path

    return write_config


@pytest.mark.parametrize("name", sorted(ZOO))
def test_a_configuration_of_the_zoo_has_the_keys_and_shapes_of_detectron2(name, write):
    made = read_import(write(ZOO[name]["config"]))
    with torch.device("meta"):
        graph = Graph.from_spec(made.document)
    found = {key: list(value.shape) for key, value in graph.state_dict().items()}
    assert found == ZOO[name]["state_dict"]


@pytest.mark.parametrize("name", sorted(ZOO))
def test_every_key_of_a_configuration_of_the_zoo_is_accounted_for(name, write):
    account = read_import(write(ZOO[name]["config"])).account
    places = [*account.used, *account.default, *account.not_carried_over]
    assert sorted(places) == sorted(default_values())


@pytest.mark.parametrize("case", CASES)
def test_an_imported_case_gives_the_golden_instances(case, write):
    graph = _build(case, write).requires_grad_(False)
    golden = GoldenCase(case)
    found = graph(golden.records)
    assert_instances_match([one["instances"] for one in found], golden.instances)
    if case == "panoptic_fpn":
        for image, one in enumerate(found):
            assert_segments_match(one["panoptic_seg"], golden, image)


@pytest.mark.parametrize("case", [one for one in CASES if one != "fast_rcnn_fpn"])
def test_an_imported_case_gives_the_golden_losses_and_gradients(case, write):
    assert_step_matches(_build(case, write), GoldenTraining(case))


def _build(case, write):
    document = import_config(write(read_configurations()["cases"][case]))
    return Graph.from_spec(document, weights=GoldenCase(case).weights)


def test_weighed_instances_have_their_share_of_the_golden_losses(write, tmp_path):
    (tmp_path / "base.yaml").write_text(read_configurations()["cases"]["panoptic_fpn"])
    weighed = "_BASE_: base.yaml\nMODEL: {PANOPTIC_FPN: {INSTANCE_LOSS_WEIGHT: 0.7}}"
    golden = GoldenTraining("panoptic_fpn")
    graph = Graph.from_spec(import_config(write(weighed)), weights=GoldenCase(golden.name).weights)
    losses = graph.requires_grad_(False).train()(golden.records)
    assert {name: float(loss) for name, loss in losses.items()} == pytest.approx(
        {
            name: loss * (0.7 if name in ("loss_box_reg", "loss_mask") else 1.0)
            for name, loss in golden.losses.items()
        },
        rel=LOSS_TOLERANCE,
    )
