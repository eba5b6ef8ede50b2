import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from composer import Graph
from composer.storage import read_value


@pytest.fixture
def checkpoint(folder):
    save_file({"image": torch.zeros(3, 32, 48, dtype=torch.uint8)}, "batch.safetensors")
    Graph.from_spec("small.yaml", seed=7).save("weights.safetensors")
    return "weights.safetensors"


@pytest.fixture
def run(cli):
    def run_small(*arguments):
        return cli("run", "small.yaml", "-i", "batch.safetensors", *arguments)

    return run_small


def test_weights_are_loaded(run, checkpoint):
    run("-u", "backbone", "--seed", 7, "--save", "a")
    result = run("-u", "backbone", "-w", checkpoint, "--save", "b")
    assert result.code == 0
    assert "weights.safetensors (safetensors): all" in result.err
    assert "random" not in result.err
    first, second = (read_value(f"{name}/backbone.safetensors") for name in "ab")
    assert torch.equal(first["p2"], second["p2"])


def test_weights_of_nodes_outside_the_plan_are_not_asked_for(run, checkpoint):
    tensors = {k: v for k, v in load_file(checkpoint).items() if k.startswith("backbone")}
    save_file(tensors, "part.safetensors")
    assert run("-u", "backbone", "-w", "part.safetensors").code == 0
    assert run("-w", "part.safetensors").code == 1


def test_weights_of_one_node_leave_the_others_random(run, checkpoint):
    result = run("-u", "rpn_head", "-w", f"backbone={checkpoint}", "--json")
    document = json.loads(result.out)
    assert document["notes"][-1] == "random weights, from seed 0: rpn.rpn_head"
    (report,) = document["weights"]
    assert report["ok"]


def test_mismatch_is_reported_node_by_node(run, checkpoint):
    result = run("-w", checkpoint, "--set", "channels=16")
    assert result.code == 1
    assert "backbone.fpn" in result.err
    assert "mismatched" in result.err
    assert run("-w", checkpoint, "--set", "channels=16", "--skip-mismatched").code == 0


def test_missing_and_unexpected_weights_can_be_forgiven(run, checkpoint):
    tensors = load_file(checkpoint)
    gone = tensors.pop("rpn.rpn_head.conv.weight")
    save_file({**tensors, "rpn.rpn_head.other.weight": gone}, "odd.safetensors")
    assert run("-w", "odd.safetensors").code == 1
    assert run("-w", "odd.safetensors", "--allow-missing").code == 1
    assert run("-w", "odd.safetensors", "--allow-missing", "--allow-unexpected").code == 0


def test_weights_of_the_spec_are_used_unless_others_are_given(run, checkpoint, folder):
    text = (folder / "small.yaml").read_text()
    (folder / "small.yaml").write_text(f"{text}\nweights: {checkpoint}\n")
    assert "weights.safetensors (safetensors)" in run("-u", "backbone").err
    assert run("-u", "backbone", "-w", "nowhere.pth").code == 1


def test_checkpoint_is_a_model_with_its_weights(cli, run, checkpoint):
    run("-u", "backbone", "-w", checkpoint, "--save", "a")
    result = cli("run", checkpoint, "-i", "batch.safetensors", "-u", "backbone", "--save", "b")
    assert result.code == 0, result.err
    assert "random" not in result.err
    first, second = (read_value(f"{name}/backbone.safetensors") for name in "ab")
    assert torch.equal(first["p2"], second["p2"])


def test_folder_of_a_run_is_a_model(cli, folder, checkpoint):
    (folder / "runs" / "mine").mkdir(parents=True)
    (folder / checkpoint).rename(folder / "runs" / "mine" / "best.safetensors")
    for model in ("runs/mine", "runs/mine/best.safetensors"):
        result = cli("run", model, "-i", "batch.safetensors", "-u", "backbone", "--json")
        assert result.code == 0, result.err
        (report,) = json.loads(result.out)["weights"]
        assert report["ok"]


def test_shipped_model_is_run_by_its_name(cli, folder):
    result = cli("run", "people", "--until", "backbone", "--dry-run")
    assert result.code == 0, result.err
    assert "backbone" in result.out
    without_input = cli("run", "people", "--until", "backbone")
    assert without_input.code == 0, without_input.err
    assert "astronaut.jpg" in without_input.err


def test_weights_of_a_checkpoint_give_way_to_others(cli, checkpoint):
    Graph.from_spec("small.yaml", seed=8).save("other.safetensors")
    result = cli("run", checkpoint, "-i", "batch.safetensors", "-w", "other.safetensors")
    assert result.code == 0, result.err
    assert "other.safetensors (safetensors): all" in result.err
    assert "weights.safetensors" not in result.err
