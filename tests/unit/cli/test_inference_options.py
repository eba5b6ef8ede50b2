"""`--optimize`, `--precision`, `--engine` and `--calibrate` of predict, eval and run."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import fake_engine

LINE = "optimised: normalisations and activations folded in "


@pytest.fixture
def batch(folder):
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 255, (3, 32, 48), generator=generator, dtype=torch.uint8)
    save_file({"image": image}, "batch.safetensors")
    return "batch.safetensors"


@pytest.fixture
def run(cli, batch):
    return lambda *arguments: cli("run", "small.yaml", "-i", batch, "-u", "backbone", *arguments)


@pytest.fixture(autouse=True)
def emulated(monkeypatch):
    monkeypatch.setenv("COMPOSER_EMULATE_BFLOAT16", "1")


def test_run_optimises_when_it_is_asked_to(run):
    assert "optimised" not in run("--no-save").err
    result = run("--no-save", "--optimize")
    assert result.code == 0
    assert f"{LINE}2 nodes, channels last in 2 nodes\n" in result.err
    assert "float32" in result.out


def test_lower_precision_is_an_optimisation(run):
    result = run("--no-save", "--precision", "bfloat16")
    assert "bfloat16 in 2 of 3 nodes" in result.err
    assert run("--no-save", "--precision", "bfloat16", "--no-optimize").code == 2


def test_training_and_other_precisions_are_refused(run):
    assert "only inference" in run("--mode", "training", "--optimize").err
    assert run("--precision", "float16").code == 2


def test_a_dry_run_says_which_nodes(run):
    result = run("--dry-run", "--precision", "bfloat16")
    assert "  in bfloat16: backbone.bottom_up, backbone.fpn" in result.out
    assert "optimised" not in run("--dry-run").out


def test_emulated_precision_is_refused_with_the_reason(run, monkeypatch):
    monkeypatch.delenv("COMPOSER_EMULATE_BFLOAT16")
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    result = run("--precision", "bfloat16")
    assert result.code == 1
    assert "no instructions for bfloat16" in result.err


ENTRY_POINTS = """
[composer.engines]
fake = fake_plugin:FakeEngine
absent = fake_plugin:Absent
"""
ABSENT = """


class Absent(FakeEngine):
    extra = "fake-plugin[absent]"

    def find_missing(self):
        return "there is no module absent"
"""


@pytest.fixture
def engines(plugin_folder):
    text = Path(fake_engine.__file__).read_text()
    plugin_folder.install("fake-plugin", ENTRY_POINTS, {"fake_plugin": text + ABSENT})


@pytest.mark.usefixtures("engines")
def test_an_engine_runs_the_dense_nodes(run):
    result = run("--no-save", "--engine", "fake")
    assert result.code == 0
    assert "optimised: fake-plugin/fake float32 in 2 of 3 nodes" in result.err
    assert "backbone.bottom_up+backbone.fpn" in result.out


@pytest.mark.usefixtures("engines")
def test_a_dry_run_says_what_an_engine_runs(run):
    result = run("--dry-run", "--engine", "fake", "--precision", "bfloat16")
    assert "by fake-plugin/fake bfloat16, as one: backbone.bottom_up, backbone.fpn" in result.out


@pytest.mark.usefixtures("engines")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--engine", "fak"), "there is no engine 'fak'. Did you mean 'fake'?"),
        (("--engine", "absent"), "there is no module absent. pip install 'fake-plugin[absent]'"),
        (("--engine", ""), "there is no engine ''. Engines: absent, fake"),
        (("--engine", "inductor", "--precision", "int8", "--calibrate", "."), "no precision"),
        (("--engine", "fake", "--precision", "int8"), "--calibrate FOLDER"),
        (("--precision", "int8", "--calibrate", "."), "needs an engine"),
        (("--engine", "fake", "--calibrate", "."), "--calibrate is for --precision int8"),
        (("--engine", "fake", "--mode", "training"), "only inference is optimised"),
        (("--engine", "fake", "--until", "preprocess"), "can take no node of this graph"),
    ],
)
def test_mistaken_options_are_explained(cli, batch, arguments, message):
    result = cli("run", "small.yaml", "-i", batch, "-u", "backbone", "--no-save", *arguments)
    if "preprocess" in arguments:
        result = cli("run", "small.yaml", "-i", batch, "-u", "preprocess", *arguments[:2])
    assert result.code in (1, 2)
    assert message in result.err


@pytest.mark.usefixtures("engines")
def test_int8_is_calibrated_on_a_folder_of_images(run):
    Path("mine").mkdir()
    options = ("--engine", "fake", "--precision", "int8", "--calibrate", "mine", "--no-save")
    result = run(*options)
    assert result.code == 1
    assert "no images in this folder" in result.err
    Image.new("RGB", (48, 32), "red").save("mine/red.png")
    result = run(*options)
    assert result.code == 0
    assert "fake int8 in 2 of 3 nodes" in result.err
