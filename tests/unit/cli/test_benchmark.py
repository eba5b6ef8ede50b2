"""`composer benchmark`."""

import json
from pathlib import Path

import pytest

import fake_engine


def test_ways_of_a_model_are_compared(cli, folder):
    result = cli(
        *("benchmark", "small.yaml", "--until", "backbone", "--rounds", "1"),
        *("--precision", "float32", "--nodes", "--json", "out.json", "--plot", "out.svg"),
    )
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[2].split()[:3] == ["way", "min", "median"]
    assert [line.split()[0] for line in lines[3:5]] == ["eager", "optimized"]
    assert "compared with eager:" in lines
    assert "saved out.json" in lines
    assert (folder / "out.svg").exists()
    document = json.loads((folder / "out.json").read_text())
    assert [way["name"] for way in document["ways"]] == ["eager", "optimized float32"]
    assert document["ways"][1]["differences"][0]["relative"] < 1e-4


TAP = pytest.param("backbone.fpn:fpn_output2", "", marks=pytest.mark.slow)


@pytest.mark.parametrize(("until", "count"), [("backbone", "2 of 3"), TAP])
def test_an_engine_gets_the_nodes_that_run(cli, folder, plugin_folder, until, count):
    text = Path(fake_engine.__file__).read_text()
    entry_points = "[composer.engines]\nfake = fake_plugin:FakeEngine\n"
    plugin_folder.install("fake-plugin", entry_points, {"fake_plugin": text})
    result = cli(
        *("benchmark", "small.yaml", "--until", until, "--rounds", "1"),
        *("--engine", "fake", "--precision", "float32"),
    )
    assert result.code == 0, result.err
    assert f"fake-plugin/fake float32 in {count}" in result.out


def test_a_way_that_cannot_run_is_said_with_its_reason(cli, folder):
    result = cli(
        *("benchmark", "small.yaml", "--until", "preprocess", "--rounds", "1"),
        *("--engine", "nonsense", "--precision", "float32"),
    )
    assert result.code == 1
    assert "nonsense float32: " in result.out
    assert "\neager " in result.out


@pytest.mark.parametrize(
    "options", [["--plot", "out.txt"], ["--precision", "float8"], ["--rounds", "0"]]
)
def test_wrong_use_ends_with_two(cli, folder, options):
    assert cli("benchmark", "small.yaml", *options).code == 2


def test_options_of_data_go_with_data(cli, folder):
    result = cli("benchmark", "small.yaml", "--dataset", "val")
    assert result.code == 2
    assert "--data" in result.err
