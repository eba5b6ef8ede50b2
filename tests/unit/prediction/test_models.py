import shutil

import pytest

from composer import Graph
from composer.errors import CheckpointError, InputError, NameResolutionError, SpecError
from composer.prediction import models, open_model, shipped_models
from unit.prediction.conftest import SMALL


@pytest.fixture
def shipped(checkpoint, tmp_path, monkeypatch):
    for name in ("pets", "not_trained_yet"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "recipe.yaml").touch()
    shutil.copy(checkpoint, tmp_path / "pets" / "model.safetensors")
    monkeypatch.setattr(models, "shipped_folder", lambda _: tmp_path)
    return tmp_path


def weight_of(graph):
    return graph.state_dict()["roi_heads.mask_head.predictor.weight"]


def test_shipped_models_are_found_by_name(shipped):
    assert shipped_models() == {"pets": shipped / "pets" / "model.safetensors"}
    assert open_model("pets").spec.metadata.thing_classes == ("cat", "dog")


def test_a_checkpoint_that_describes_itself_is_a_model(checkpoint):
    for model in (checkpoint, str(checkpoint)):
        assert open_model(model).spec.name == "mask_rcnn_r50_fpn"


def test_a_graph_is_taken_as_it_is(checkpoint):
    graph = Graph.from_checkpoint(checkpoint)
    assert open_model(graph) is graph


def test_weights_are_loaded_over_those_of_a_model(checkpoint, tmp_path):
    other = Graph.from_spec("mask_rcnn_r50_fpn", seed=5, **SMALL)
    other.save(tmp_path / "other.safetensors")
    assert not weight_of(open_model(checkpoint)).equal(weight_of(other))
    for weights in (tmp_path / "other.safetensors", {"": tmp_path / "other.safetensors"}):
        assert weight_of(open_model(checkpoint, weights)).equal(weight_of(other))
    graph = Graph.from_checkpoint(checkpoint)
    head = {"mask_head": tmp_path / "other.safetensors"}
    assert weight_of(open_model(graph, head)).equal(weight_of(other))


def test_a_spec_takes_weights_and_is_refused_without_any(checkpoint, tmp_path):
    spec = {"composer": 1, "extends": "mask_rcnn_r50_fpn", "nodes": {}, "set": SMALL}
    assert open_model(spec, checkpoint).blueprint.nodes["backbone.bottom_up"].config["depth"] == 18
    with pytest.raises(InputError, match="names no weights, so it would predict at random"):
        open_model(spec)
    assert open_model({**spec, "weights": str(checkpoint)})


def test_an_unknown_name_is_compared_with_models_and_specs(shipped):
    with pytest.raises(NameResolutionError, match=r"no model 'pet'. Did you mean 'pets'"):
        open_model("pet")
    with pytest.raises(NameResolutionError, match="Did you mean 'mask_rcnn_r50_fpn'"):
        open_model("mask_rcnn_r50_fpm")
    with pytest.raises(NameResolutionError, match=r"Models that ship: .*pets.*with weights"):
        open_model("something_else_altogether")


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"...")
    with pytest.raises(InputError, match=r"photo\.jpg' is neither a checkpoint .* nor a spec"):
        open_model(tmp_path / "photo.jpg")


def test_files_that_do_not_exist_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"model\.pth: there is no such file"):
        open_model(tmp_path / "model.pth")
    with pytest.raises(SpecError, match=r"model\.yaml"):
        open_model(tmp_path / "model.yaml")
    with pytest.raises(CheckpointError, match="'no_such_package' is not installed"):
        open_model("package:no_such_package/model.safetensors")
