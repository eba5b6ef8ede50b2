"""Candidates for initial weights, and the choice of those that fit."""

import pytest

from composer import Graph
from composer.errors import InputError, NameResolutionError
from composer.model_source import find_model_source
from composer.pretrained import Candidate, Normalisation, fill_with_best, list_candidates


def test_models_that_ship_are_candidates():
    assert any("people" in candidate.origin for candidate in list_candidates())


def test_sources_can_be_added():
    mine = Candidate("x.pth", "mine")
    assert list_candidates([lambda: [mine]]) == [mine]


def test_the_weights_of_people_fill_the_same_model_without_masks():
    graph = Graph.from_spec("cascade_rcnn_cspnet_fpn", num_classes=2)
    (filling,) = fill_with_best(graph)
    assert filling.candidate.file.endswith("people.safetensors")
    assert graph.random_nodes == []


@pytest.mark.parametrize(
    "candidate",
    [
        Candidate("nowhere.pth", "a file that is gone", node_type="efficientnet_lite"),
        Candidate(
            "nowhere.pth",
            "other images",
            node_type="efficientnet_lite",
            normalisation=Normalisation("BGR", (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
        ),
        Candidate("nowhere.safetensors", "a model that is gone"),
    ],
)
def test_what_cannot_be_used_is_passed_over(candidate):
    graph = Graph.from_spec("faster_rcnn_efficientnet_lite0_fpn")
    assert fill_with_best(graph, [candidate]) == []


def test_a_name_means_one_thing(tmp_path):
    (tmp_path / "experiment.yaml").write_text("composer_experiment: 1\n")
    assert find_model_source("people").kind == "checkpoint"
    assert find_model_source("faster_rcnn_r50_fpn").kind == "spec"
    assert find_model_source("x.ckpt").kind == "checkpoint"
    assert find_model_source(tmp_path / "experiment.yaml").kind == "experiment"
    with pytest.raises(InputError, match="is a folder, but not that of a run"):
        find_model_source(tmp_path.parent)
    with pytest.raises(NameResolutionError, match="Did you mean 'people'"):
        find_model_source("poeple")
