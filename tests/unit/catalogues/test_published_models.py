"""A published model is opened, run and trained by name, with its weights and class names."""

import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from composer import Graph
from composer.catalogues import find_entry
from composer.errors import ComposerError, SpecError
from composer.prediction import Predictor
from file_server import serve_file
from unit.cli.conftest import cli
from unit.experiment.small_experiment import EXPERIMENT, write_experiment

__all__ = ["cli"]

NAMES = ("square", "disc", "triangle")


@pytest.fixture
def weights(server, tmp_path, monkeypatch):
    """Weights of the right names, from random values."""
    monkeypatch.chdir(tmp_path)
    graphs = {}
    for seed, name in enumerate(("tiny_1x", "tiny_3x")):
        graphs[name] = Graph.from_spec("tiny_zoo_spec", seed=seed + 5)
        graphs[name].save("plain.pth")
        state = {"model": dict(graphs[name].state_dict())}
        torch.save(state, "plain.pth")
        content = Path("plain.pth").read_bytes()
        server.routes[f"/weights/{name}.safetensors"] = serve_file(content)
    Path("plain.pth").unlink()
    return graphs


def assert_same_weights(graph, other):
    found, expected = graph.state_dict(), other.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in found)


def test_a_catalogue_name_is_a_model_with_its_weights(weights):
    graph = Graph.open("tiny_1x")
    assert_same_weights(graph, weights["tiny_1x"])
    assert graph.random_nodes == []
    assert graph.spec.metadata.thing_classes == NAMES
    assert graph.spec.name == "tiny_1x"


def test_a_specs_name_alone_fetches_nothing(weights, server):
    graph = Graph.open("tiny_zoo_spec")
    assert graph.random_nodes
    assert server.requests == []


@pytest.mark.parametrize("given", ["default", {"": "default"}])
def test_default_weights_come_with_the_names_of_their_classes(weights, given):
    for graph in (
        Graph.open("tiny_zoo_spec", given),
        Graph.from_spec("tiny_zoo_spec", weights=given),
    ):
        assert_same_weights(graph, weights["tiny_3x"])
        assert graph.spec.metadata.thing_classes == NAMES


def test_weights_by_the_name_of_a_published_model(weights):
    assert_same_weights(Graph.open("tiny_zoo_spec", "tiny_1x"), weights["tiny_1x"])
    partial = Graph.open("tiny_zoo_spec", {"backbone": "Boxes/tiny_1x"})
    assert "roi_heads.box_head" in partial.random_nodes


def test_settings_of_a_published_model(weights):
    with pytest.raises(ComposerError, match=r"num_classes|another shape|--skip"):
        Graph.open("tiny_1x", set={"num_classes": 5})
    assert Graph.open("tiny_1x", set={"score_threshold": 0.3}).random_nodes == []


def test_a_published_model_is_its_spec_with_settings(zoo):
    graph = Graph.open("Other/tiny_3x", {})
    assert graph.blueprint.nodes["backbone.bottom_up"].config["depth"] == 18
    image = graph.blueprint.image_format
    assert (image.channel_order, image.shortest_edge) == ("RGB", 64)
    assert find_entry("Other/tiny_3x").spec == "detection-composer/faster_rcnn_r50_fpn"


def test_a_problem_of_a_published_model_has_its_name(zoo):
    code = (zoo.path / "tiny_zoo.py").read_text()
    (zoo.path / "tiny_zoo.py").write_text(code.replace('"fc_dim": 16', '"fc_dims": 16'))
    sys.modules.pop("tiny_zoo", None)
    with pytest.raises(SpecError, match=r"<tiny/Other/tiny_3x> set\.fc_dims: "):
        Graph.open("Other/tiny_3x", {})


def test_predictions_have_the_names_of_the_classes(weights):
    predictor = Predictor("tiny_1x", score_threshold=0.0)
    found = predictor(Image.new("RGB", (64, 48)))
    assert predictor.graph.spec.metadata.thing_classes == NAMES
    assert found is not None


@pytest.mark.parametrize("model", [["tiny_1x"], ["tiny_zoo_spec", "--weights", "default"]])
def test_the_command_line_runs_it(cli, weights, model, tmp_path):
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    name, *rest = model
    result = cli(
        "predict", "a.png", "--model", name, *rest, "-t", "0", "-o", "out", "--no-visualizations"
    )
    assert result.code == 0, result.err
    ran = cli("run", name, "-i", "a.png", "--until", "box_head", *rest)
    assert ran.code == 0, ran.err
    assert "random" not in ran.err


def test_looking_at_it_fetches_nothing(cli, weights, server):
    for command in (["check"], ["check", "--form"], ["show"], ["specs"], ["run", "--dry-run"]):
        result = cli(*command, "tiny_1x")
        assert result.code == 0, result.err
    dry = cli("run", "tiny_zoo_spec", "--weights", "default", "--dry-run")
    assert dry.code == 0, dry.err
    described = cli("describe", "tiny_1x")
    assert described.code == 0, described.err
    assert "https://zoo.invalid/weights/tiny_1x.safetensors" in described.out
    assert "a published model with the spec tiny-zoo/tiny_zoo_spec, " in described.out
    assert server.requests == []


def test_offline_says_where_the_file_belongs(cli, weights, server):
    result = cli("run", "tiny_1x", "--offline")
    assert result.code == 1
    assert "https://zoo.invalid/weights/tiny_1x.safetensors was not fetched" in result.err
    assert "under the name 'tiny_1x.safetensors'" in result.err
    assert server.requests == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "given"),
    [("tiny_zoo_spec", "default"), ("tiny_zoo_spec", "tiny_1x"), ("tiny_1x", None)],
)
def test_training_begins_with_published_weights(cli, weights, tmp_path, spec, given, server):
    text = EXPERIMENT.replace("rpn_r50_fpn", spec)
    lines = text.splitlines()
    first, last = lines.index("set:"), lines.index("datasets:")
    text = "\n".join([*lines[:first], *lines[last:], ""])
    text = text.replace("lr: 0.01", "lr: 0.000001")
    text += f"weights: {given}\n" if given else ""
    write_experiment(tmp_path, text)
    dry = cli("train", "-e", "experiment.yaml", "--dry-run")
    assert dry.code == 0, dry.err
    assert "would be fetched" in dry.out
    assert server.requests == []
    done = cli("train", "-e", "experiment.yaml", "-o", "run")
    assert done.code == 0, done.err
    assert "tensors from tiny_" in done.out


@pytest.mark.slow
def test_downloads_are_weights_at_hand(weights, server):
    from composer.pretrained import fill_with_best, list_candidates

    Graph.open("tiny_1x")
    origins = [candidate.origin for candidate in list_candidates()]
    assert "the cache of downloads: tiny/Boxes/tiny_1x" in origins
    graph = Graph.from_spec("tiny_zoo_spec", num_classes=7)
    (filling,) = fill_with_best(graph)
    assert filling.candidate.origin == "the cache of downloads: tiny/Boxes/tiny_1x"
    assert graph.random_nodes == ["roi_heads.box_predictor"]
    deeper = Graph.from_spec("tiny_zoo_spec", depth=34)
    fill_with_best(deeper)
    assert "backbone.bottom_up" in deeper.random_nodes
