import shutil

import pytest

from composer import Graph
from composer.discovery import shipped_models
from composer.errors import CheckpointError, InputError, NameResolutionError, SpecError
from composer.graph import require_weights
from unit.prediction.conftest import SMALL


@pytest.fixture
def shipped(checkpoint, tmp_path, monkeypatch):
    for name in ("pets", "not_trained_yet"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "recipe.yaml").touch()
    shutil.copy(checkpoint, tmp_path / "pets" / "model.safetensors")
    monkeypatch.setattr("composer.discovery.installed.shipped_folder", lambda _: tmp_path)
    return tmp_path


def weight_of(graph):
    return graph.state_dict()["roi_heads.mask_head.predictor.weight"]


def test_shipped_models_are_found_by_name(shipped):
    assert shipped_models() == {"pets": shipped / "pets" / "model.safetensors"}
    assert Graph.open("pets").spec.metadata.thing_classes == ("cat", "dog")


def test_a_checkpoint_that_describes_itself_is_a_model(checkpoint):
    for model in (checkpoint, str(checkpoint)):
        assert Graph.open(model).spec.name == "mask_rcnn_r50_fpn"


def test_a_graph_is_taken_as_it_is(checkpoint):
    graph = Graph.open(checkpoint)
    assert Graph.open(graph) is graph


def test_weights_are_loaded_over_those_of_a_model(checkpoint, tmp_path):
    other = Graph.from_spec("mask_rcnn_r50_fpn", seed=5, **SMALL)
    other.save(tmp_path / "other.safetensors")
    assert not weight_of(Graph.open(checkpoint)).equal(weight_of(other))
    for weights in (tmp_path / "other.safetensors", {"": tmp_path / "other.safetensors"}):
        assert weight_of(Graph.open(checkpoint, weights)).equal(weight_of(other))
    graph = Graph.open(checkpoint)
    head = {"mask_head": tmp_path / "other.safetensors"}
    assert weight_of(Graph.open(graph, head)).equal(weight_of(other))


def test_a_spec_takes_weights_and_is_refused_without_any(checkpoint, tmp_path):
    spec = {"composer": 1, "extends": "mask_rcnn_r50_fpn", "nodes": {}, "set": SMALL}
    assert Graph.open(spec, checkpoint).blueprint.nodes["backbone.bottom_up"].config["depth"] == 18
    with pytest.raises(InputError, match="names no weights, so it would predict at random"):
        require_weights(Graph.open(spec))
    require_weights(Graph.open({**spec, "weights": str(checkpoint)}))


def test_weights_of_some_nodes_are_not_enough_to_predict(checkpoint):
    spec = {"composer": 1, "extends": "mask_rcnn_r50_fpn", "nodes": {}, "set": SMALL}
    graph = Graph.open(spec, {"backbone": checkpoint})
    assert "backbone.fpn" not in graph.random_nodes
    assert "roi_heads.mask_head" in graph.random_nodes
    with pytest.raises(InputError, match=r"no weights for .*roi_heads\.mask_head.* at random"):
        require_weights(graph)


def test_the_folder_of_a_run_is_a_model(checkpoint, tmp_path):
    shutil.copy(checkpoint, tmp_path / "model.safetensors")
    graph = Graph.open(tmp_path)
    assert graph.random_nodes == []
    assert {entry.file for entry in graph.provenance} == {"model.safetensors"}


def test_values_are_set_in_a_model_with_weights(checkpoint):
    graph = Graph.open(checkpoint, set={"roi_heads.detections.score_threshold": 0.5})
    assert graph.blueprint.nodes["roi_heads.detections"].config["score_threshold"] == 0.5
    with pytest.raises(InputError, match="built already"):
        Graph.open(graph, set=["num_classes=3"])


def test_an_unknown_name_is_compared_with_models_and_specs(shipped):
    with pytest.raises(NameResolutionError, match=r"no model 'pet'. Did you mean 'pets'"):
        Graph.open("pet")
    with pytest.raises(NameResolutionError, match="Did you mean 'mask_rcnn_r50_fpn'"):
        Graph.open("mask_rcnn_r50_fpm")
    with pytest.raises(
        NameResolutionError, match=r"Models that ship: pets\. Specs are models, too"
    ):
        Graph.open("something_else_altogether")


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"...")
    with pytest.raises(InputError, match=r"photo\.jpg' is neither a checkpoint .* nor a spec"):
        Graph.open(tmp_path / "photo.jpg")


def test_files_that_do_not_exist_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"model\.pth: there is no such file"):
        Graph.open(tmp_path / "model.pth")
    with pytest.raises(SpecError, match=r"model\.yaml"):
        Graph.open(tmp_path / "model.yaml")
    with pytest.raises(CheckpointError, match="'no_such_package' is not installed"):
        Graph.open("package:no_such_package/model.safetensors")
