"""With a plugin that publishes all of our names, commands write the same bytes as without it."""

import json
import os
import re

import pytest

from composer.cli.main import main
from composer.data import write_shape_dataset
from composer.graph import Graph
from forked_commands import run_composer
from unit.experiment.small_experiment import EXPERIMENT, write_experiment

TIMES = {"seconds", "data_share", "memory_mb"}
SMALL = {
    "depth": 18,
    "stem_out_channels": 8,
    "res2_out_channels": 8,
    "fpn_channels": 8,
    "fc_dim": 16,
    "mask_conv_dim": 8,
    "num_classes": 3,
}
EVALUATED = ["eval", "small.safetensors", "--data", "data.yaml", "--no-save", "--json"]
DATA_FILE = """\
composer_data: 1
datasets:
  shapes:
    uses: coco
    with: {annotations: shapes/instances.json, images: shapes/images}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with images, a data file of bare names, and a small model with masks."""
    write_shape_dataset(tmp_path / "shapes", num_images=4, size=64)
    (tmp_path / "data.yaml").write_text(DATA_FILE)
    spec = {
        "composer": 1,
        "extends": "detection-composer/mask_rcnn_r50_fpn",
        "set": SMALL,
        "inputs": {"batch": {"image": {"shortest_edge": 96}}},
    }
    Graph.from_spec(spec).save(tmp_path / "small.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_files(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def read_bytes(file):
    """The bytes of a file; in the header of safetensors, metadata are in no fixed order."""
    content = file.read_bytes()
    if file.suffix != ".safetensors":
        return content
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["predict", "shapes/images", "--model", "small.safetensors", "--threshold", "0"], ""),
        (["export", "small.safetensors"], ".safetensors"),
        (["export", "people"], ".pth"),
        (["show", "mask_rcnn_r50_fpn"], ".svg"),
    ],
)
def test_commands_write_the_same_bytes(arguments, output, request, folder, capsys):
    printed = []
    for name in ("before", "after"):
        assert main([*arguments, "--output", f"{name}{output}"]) == 0
        out = capsys.readouterr().out.replace(name, "FOLDER")
        printed.append(re.sub(r"[\d.]+ m?s\b", "TIME", out))
        request.getfixturevalue("hostile_plugin")
    assert printed[0] == printed[1]
    one, other = (folder / f"{name}{output}" for name in ("before", "after"))
    if output:
        assert read_bytes(other) == read_bytes(one)
    else:
        assert len(read_files(one)) == 5
        assert read_files(other) == read_files(one)


def test_evaluations_print_the_same(request, folder, capsys):
    assert main(EVALUATED) == 0
    before = capsys.readouterr().out
    assert json.loads(before)["tasks"]
    request.getfixturevalue("hostile_plugin")
    assert main(EVALUATED) == 0
    assert capsys.readouterr().out == before


def run(arguments, folder, installed):
    """Runs a command in a process of its own, with or without the distribution on its path."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(installed or "")}
    code, printed = run_composer(arguments, folder, environment)
    assert code == 0, printed
    return printed


def read_run(folder):
    """What a training came to: its weights with their description, and its losses."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    losses = [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]
    return read_bytes(folder / "model.safetensors"), losses


@pytest.mark.slow
def test_trainings_come_to_the_same_weights_and_losses(hostile_plugin, folder):
    write_experiment(folder, EXPERIMENT)
    arguments = ["train", "--experiment", "experiment.yaml", "--quiet", "--output"]
    run([*arguments, "before"], folder, None)
    printed = run([*arguments, "after"], folder, hostile_plugin.path)
    assert "hostile-plugin 1.0, too; it means 'detection-composer/" in printed
    assert read_run(folder / "before") == read_run(folder / "after")
    one, other = (folder / name / "experiment.yaml" for name in ("before", "after"))
    assert one.read_bytes() == other.read_bytes()
    assert (folder / "before/spec.yaml").read_bytes() == (folder / "after/spec.yaml").read_bytes()
