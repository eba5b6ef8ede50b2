"""`composer train` and `composer export`."""

import json

import pytest
import torch
import yaml

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
