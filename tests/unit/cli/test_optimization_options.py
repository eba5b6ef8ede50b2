"""`--optimize` and `--precision` of predict, eval and run."""

import pytest
import torch
from safetensors.torch import save_file

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
