"""What detectron2's LazyConfig writes becomes specs of the same weights, results and losses."""

import pytest
import torch

from composer import Graph, import_config
from composer.importing import read_import
from parity.configurations import read_lazy_configurations
from parity.golden import GoldenCase, assert_instances_match
from parity.golden_training import GoldenTraining, assert_step_matches

ZOO = read_lazy_configurations()["zoo"]
CASES = sorted(read_lazy_configurations()["cases"])


@pytest.fixture
def write(tmp_path):
    def write_config(text):
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return path

    return write_config


@pytest.fixture(params=CASES)
def golden(request):
    case = GoldenCase(request.param)
    if not case.is_at_hand:
        pytest.skip(f"{case.name} is not among the golden cases here: see data/README.md")
    return case


@pytest.mark.parametrize("name", sorted(ZOO))
def test_a_model_of_lazyconfig_has_the_keys_and_shapes_of_detectron2(name, write):
    made = read_import(write(ZOO[name]["config"]))
    with torch.device("meta"):
        graph = Graph.from_spec(made.document)
    found = {key: list(value.shape) for key, value in graph.state_dict().items()}
    assert found == ZOO[name]["state_dict"]


@pytest.mark.parametrize("name", sorted(ZOO))
def test_a_model_of_lazyconfig_is_a_shipped_spec_with_few_settings(name, write):
    document = import_config(write(ZOO[name]["config"]))
    assert "nodes" not in document
    assert len(document.get("set", {})) <= 1
    assert set(document.get("params", {})) <= {"size"}


def test_an_imported_case_gives_the_golden_instances(golden, write):
    graph = _build(golden, write).requires_grad_(False)
    found = graph(golden.records)
    assert_instances_match([one["instances"] for one in found], golden.instances)


def test_an_imported_case_gives_the_golden_losses_and_gradients(golden, write):
    assert_step_matches(_build(golden, write), GoldenTraining(golden.name))


def _build(golden, write):
    document = import_config(write(read_lazy_configurations()["cases"][golden.name]))
    return Graph.from_spec(document, weights=golden.weights)
