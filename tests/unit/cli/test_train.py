"""`composer train` and `composer export`."""

import json

import pytest
import torch
import yaml

from composer.data import write_shape_dataset
from composer.discovery import find_version
from composer.graph import Graph
from unit.experiment.small_experiment import write_experiment


def test_training_is_checked_run_resumed_and_exported(cli, tmp_path, monkeypatch):
    file = write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    checked = cli("train", "-e", file, "--dry-run")
    assert checked.code == 0, checked.err
    assert "classes: square, triangle, disc" in checked.out
    trained = cli("train", "-e", file, "--iterations", 1, "-o", "run")
    assert trained.code == 0, trained.err
    assert "iteration 1/1  loss" in trained.out
    again = cli("train", "-e", file, "-o", "run")
    assert again.code == 1
    assert "there is a training in this folder already" in again.err
    checked = cli("train", "-e", file, "-o", "run", "--dry-run")
    assert (checked.code, checked.err) == (1, again.err)
    checked = cli("train", "--resume", "-o", "run", "--dry-run")
    assert "run: it is resumed after 1 iteration, with those weights" in checked.out
    checked = cli("train", "--resume", "-e", file, "-o", "other", "--dry-run")
    assert "other: it has no checkpoint yet; the training begins anew" in checked.out
    resumed = cli("train", "--resume", "--iterations", 2, "-o", "run")
    assert resumed.code == 0, resumed.err
    assert "iteration 2/2" in resumed.out
    assert "iteration 1/" not in resumed.out
    exported = cli("export", "run", "-o", "model.safetensors", "--half")
    assert "classes: square, triangle, disc" in exported.out
    graph = Graph.open("model.safetensors")
    assert graph.spec.metadata.thing_classes == ("square", "triangle", "disc")
    stored = yaml.safe_load((tmp_path / "run/experiment.yaml").read_text())
    assert stored["training"]["iterations"] == 2
    versions = json.loads((tmp_path / "run/versions.json").read_text())
    assert versions["packages"]["torch"] == torch.__version__.partition("+")[0]
    assert versions["plugins"] == {"detection-composer": find_version()}


def test_a_training_of_a_spec_is_resumed_by_its_own_command(cli, tmp_path, monkeypatch):
    write_shape_dataset(tmp_path / "shapes", num_images=5, size=48)
    monkeypatch.chdir(tmp_path)
    small = ("depth=18", "stem_out_channels=8", "res2_out_channels=8", "fpn_channels=8")
    settings = [part for one in small for part in ("--set", f"model.{one}")]
    command = ["rpn_r50_fpn", "--data", "shapes", "-o", "run", "--from-scratch", *settings]
    first = cli("train", *command, "--iterations", 1)
    assert first.code == 0, first.err
    resumed = cli("train", *command, "--iterations", 2, "--resume")
    assert resumed.code == 0, resumed.err
    assert "iteration 2/2" in resumed.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name an experiment"),
        (["--resume"], "--resume needs the folder"),
        (["--images", "x", "-e", "y"], "--images goes with --data"),
    ],
)
def test_wrong_usage_is_reported(cli, arguments, message):
    result = cli("train", *arguments)
    assert result.code == 2
    assert message in result.err
