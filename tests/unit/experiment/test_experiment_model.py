"""An experiment is a model wherever one is named: spec, settings and initial weights."""

import json
from pathlib import Path

import pytest
import torch

from composer import CheckpointError, Graph
from composer.cli.main import main
from composer.data import write_shape_dataset
from composer.errors import CheckpointMismatchError, InputError, SpecError
from composer.graph import open_blueprint
from composer.prediction import Predictor
from composer.storage import read_value

SETTINGS = """\
  model: {depth: 18, stem_out_channels: 8, res2_out_channels: 8, fpn_channels: 8}
  model.rpn_post_nms_topk_inference: 7
"""
EXPERIMENT = f"""\
composer_experiment: 1
name: shapes
spec: rpn_r50_fpn
set:
{SETTINGS}
datasets:
  shapes:
    uses: coco
    with: {{annotations: data/instances.json, images: data/images}}
train:
  datasets: [shapes]
  augmentations: []
training:
  iterations: 4
  optimizer: {{uses: SGD, lr: 0.01}}
from_scratch: true
"""
SMALL = {"depth": 18, "stem_out_channels": 8, "res2_out_channels": 8, "fpn_channels": 8}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with an experiment and, beside it, its initial weights; no data."""
    Graph.from_spec("rpn_r50_fpn", seed=3, **SMALL).save(tmp_path / "initial.safetensors")
    weights = "weights: initial.safetensors\n"
    (tmp_path / "exp.yaml").write_text(EXPERIMENT + weights)
    (tmp_path / "none.yaml").write_text(EXPERIMENT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def number_of(blueprint):
    """How many proposals there are."""
    (node,) = [node for path, node in blueprint.nodes.items() if path.endswith("proposals")]
    return node.config["post_nms_topk_inference"]


def weights_of(file):
    graph = Graph.open(file)
    return graph.spec.document, graph.state_dict()


def test_an_experiment_opens_its_spec_with_settings_and_initial_weights(
    folder, caplog, monkeypatch, tmp_path_factory
):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))  # its paths are beside the file
    graph = Graph.open(folder / "exp.yaml")
    expected = Graph.from_spec("rpn_r50_fpn", seed=3, **SMALL)
    assert graph.random_nodes == []
    assert number_of(graph.blueprint) == 7
    for key, tensor in expected.state_dict().items():
        assert torch.equal(graph.state_dict()[key], tensor), key
    (note,) = caplog.messages
    assert "exp.yaml' is an experiment: this is its spec, 'detection-composer/rpn_r50_fpn'" in note
    assert "initial weights; what it trained is named by the folder of the run" in note


def test_given_settings_and_weights_come_after_its_own(folder):
    given = {"rpn_post_nms_topk_inference": 5}
    for settings in (given, ["rpn_post_nms_topk_inference=5"], list(given.items())):
        blueprint = open_blueprint("exp.yaml", settings).blueprint
        assert number_of(blueprint) == 5
        assert blueprint.nodes["backbone.fpn"].config["out_channels"] == 8
    assert Graph.open("exp.yaml", {}).random_nodes
    Graph.from_spec("rpn_r50_fpn", seed=4, **SMALL).save("other.safetensors")
    graph = Graph.open("exp.yaml", "other.safetensors")
    assert [entry.file for entry in graph.provenance] == ["other.safetensors"]


def test_its_own_weights_are_loaded_as_its_training_does(folder):
    with pytest.raises(CheckpointMismatchError):
        Graph.open("exp.yaml", set={"fpn_channels": 16})
    with (folder / "exp.yaml").open("a") as file:
        file.write("skip_mismatched: true\n")
    assert Graph.open("exp.yaml", set={"fpn_channels": 16}).provenance
    with pytest.raises(CheckpointMismatchError):  # which is said of its own weights alone
        Graph.open("exp.yaml", "initial.safetensors", set={"fpn_channels": 16})


def test_weights_of_the_model_that_it_names_are_its_own(folder):
    text = EXPERIMENT.replace("spec: rpn_r50_fpn", "spec: initial.safetensors")
    (folder / "exp.yaml").write_text(text.replace(SETTINGS, "  model: {}"))
    assert Graph.open("exp.yaml").random_nodes == []
    (folder / "exp.yaml").write_text(text.replace(SETTINGS, "  model: {}") + "weights: none.pth\n")
    with pytest.raises(CheckpointError, match=r"none\.pth"):
        Graph.open("exp.yaml")


def test_every_command_takes_one(folder, capsys, caplog):
    write_shape_dataset(folder / "data", num_images=2, size=48)
    image = str(next(iter(sorted((folder / "data/images").iterdir()))))
    given = ["--set", "rpn_post_nms_topk_inference=5"]
    assert main(["run", "exp.yaml", "--until", "proposals", "-i", image, *given]) == 0
    saved = read_value("runs/rpn_r50_fpn/proposal_generator.proposals.safetensors")
    assert len(saved["boxes"][0]) == 5
    assert ["'exp.yaml' is an experiment" in note for note in caplog.messages] == [True]
    for command in (
        ["export", "exp.yaml", "-o", "out.safetensors"],
        ["eval", "exp.yaml", "--data", "exp.yaml", "--tasks", "proposals", "--no-plots"],
        ["show", "exp.yaml"],
        ["show", "exp.yaml", "--costs", "-i", image],
        ["check", "exp.yaml"],
        ["check", "--form", "exp.yaml"],
        ["describe", "exp.yaml"],
    ):
        caplog.clear()
        assert main(command) == 0, capsys.readouterr()
        printed = capsys.readouterr()
        assert len(caplog.messages) == (command[0] in ("export", "eval") or "--costs" in command)
    assert "initial weights: all: " in printed.out
    assert "initial.safetensors" in printed.out
    exported, opened = weights_of("out.safetensors"), weights_of("exp.yaml")
    assert exported[1].keys() == opened[1].keys()
    assert all(torch.equal(exported[1][key], tensor) for key, tensor in opened[1].items())


def test_nothing_random_is_predicted_or_exported(folder, capsys, caplog):
    with pytest.raises(InputError, match="names no weights, so it would predict at random"):
        Predictor("none.yaml")
    for command in (["predict", "--model", "none.yaml"], ["export", "none.yaml", "-o", "x.pth"]):
        caplog.clear()
        assert main(command) == 1
        assert "names no weights, so it would predict at random" in capsys.readouterr().err
        assert "what it trained is named by the folder of the run" in caplog.text
    assert not Path("x.pth").exists()


def test_a_damaged_experiment_says_where(folder, capsys):
    (folder / "exp.yaml").write_text(EXPERIMENT.replace("iterations: 4", "iteratoins: 4"))
    with pytest.raises(SpecError, match=r"exp\.yaml:\d+:\d+: .*iteratoins"):
        Graph.open("exp.yaml")
    assert main(["predict", "--model", "exp.yaml"]) == 1
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("named", ["exp.yaml", "none.yaml"])
def test_an_experiment_names_no_experiment(named, folder):
    (folder / "exp.yaml").write_text(EXPERIMENT.replace("spec: rpn_r50_fpn", f"spec: {named}"))
    with pytest.raises(SpecError, match=r"exp\.yaml:3:7: .*this is another experiment") as caught:
        Graph.open("exp.yaml")
    assert len(caught.value.problems) == 1


def test_an_experiment_in_json_is_one(folder, tmp_path):
    text = json.dumps({"composer_experiment": 1, "spec": "rpn_r50_fpn"})
    (tmp_path / "exp.json").write_text(text)
    with pytest.raises(SpecError, match="training"):
        Graph.open(tmp_path / "exp.json")


def test_a_spec_alone_is_no_experiment(folder):
    with pytest.raises(
        InputError, match=r"is an experiment, not a spec: Graph\.open\('exp.yaml'\)"
    ):
        Graph.from_spec("exp.yaml")
