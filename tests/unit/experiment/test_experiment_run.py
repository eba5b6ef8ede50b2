"""Experiments run: on one process or several, interrupted or not, they come to the same."""

import json
import os
import subprocess
import sys

import pytest
import torch

from composer.checkpoint import read_checkpoint
from composer.experiment import load_experiment, run_experiment
from composer.experiment.datasets import open_experiment_data
from composer.experiment.model import fit_spec
from composer.graph import Graph
from forked_commands import run_together
from unit.experiment.small_experiment import EXPERIMENT, write_experiment

LOSSES = {"loss_rpn_cls", "loss_rpn_loc", "grad_norm", "validation/total_loss"}


def records_of(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def assert_same_losses(one, other, tolerance):
    for record, again in zip(records_of(one), records_of(other), strict=True):
        assert record.keys() == again.keys()
        for name in LOSSES & record.keys():
            assert record[name] == pytest.approx(again[name], rel=tolerance), name


def train_in_processes(file, folder, *arguments):
    """Trains in two processes; what they printed."""
    command = ["train", "--experiment", file, "--output", folder, *arguments]
    code, printed = run_together(command, file.parent)
    assert code == 0, printed
    return printed


def save_weights(file, target):
    """Saves first weights for the model of an experiment."""
    experiment = load_experiment(file)
    Graph.open(fit_spec(experiment, open_experiment_data(experiment).metadata), {}).save(target)
    return target


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["ddp", "fsdp"])
def test_two_processes_learn_what_one_learns_of_the_joint_batch(mode, tmp_path):
    file = write_experiment(tmp_path)
    # With weights at hand, norms stay frozen: others have another mean in each process.
    weights = save_weights(file, tmp_path / "weights.safetensors")
    settings = ["training.iterations=2", "ema={decay: 0.9}", f"weights={weights}"]
    settings.append("from_scratch=false")
    run_experiment(load_experiment(file, set=settings), tmp_path / "one", quiet=True)
    options = [part for each in [*settings, f"distributed={mode}"] for part in ("--set", each)]
    printed = train_in_processes(file, tmp_path / "two", *options)
    assert printed.count("finished after 2 iterations") == 1
    assert_same_losses(tmp_path / "one", tmp_path / "two", 1e-4)
    one = read_checkpoint(tmp_path / "one/model.safetensors").tensors
    two = read_checkpoint(tmp_path / "two/model.safetensors").tensors
    assert one.keys() == two.keys()
    for key, tensor in one.items():
        torch.testing.assert_close(two[key], tensor, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("workers", "precision"), [(0, "float32"), (2, "bfloat16")])
def test_a_resumed_run_equals_a_straight_one_bit_for_bit(workers, precision, tmp_path):
    file = write_experiment(tmp_path)
    settings = [f"train.num_workers={workers}", f"precision={precision}"]
    experiment = load_experiment(file, set=settings)
    run_experiment(experiment, tmp_path / "straight", quiet=True)
    short = load_experiment(file, set=[*settings, "training.iterations=2"])
    run_experiment(short, tmp_path / "cut", quiet=True)
    (tmp_path / "cut/model.safetensors").unlink()
    run_experiment(experiment, tmp_path / "cut", resume=True, quiet=True)
    straight = read_checkpoint(tmp_path / "straight/model.safetensors").tensors
    cut = read_checkpoint(tmp_path / "cut/model.safetensors").tensors
    for key, tensor in straight.items():
        assert torch.equal(cut[key], tensor), key


def test_what_was_killed_in_its_first_save_begins_with_its_weights_again(tmp_path):
    file = write_experiment(tmp_path, EXPERIMENT.replace("lr: 0.01", "lr: 1.0e-9"))
    experiment = load_experiment(file, set={"training.iterations": 1})
    spec = fit_spec(experiment, open_experiment_data(experiment).metadata)
    graph = Graph.open(spec, experiment.weights)
    with torch.no_grad():
        for parameter in graph.parameters():
            parameter.mul_(1.1)
    graph.save(tmp_path / "weights.safetensors")
    (tmp_path / "run/checkpoints/.0000002.abcd.part").mkdir(parents=True)
    settings = {"training.iterations": 1, "weights": str(tmp_path / "weights.safetensors")}
    experiment = load_experiment(file, set=settings)
    run_experiment(experiment, tmp_path / "run", resume=True, quiet=True)
    learnt = read_checkpoint(tmp_path / "run/model.safetensors").tensors
    for key, parameter in graph.state_dict().items():
        torch.testing.assert_close(learnt[key], parameter, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_a_failed_process_ends_all_with_a_message(tmp_path):
    file = write_experiment(tmp_path)
    for image in (tmp_path / "shapes/images").iterdir():
        image.write_bytes(b"no image")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "-m", "composer"]
    command += ["train", "--experiment", str(file), "--output", str(tmp_path / "run")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert "images in a row cannot be used" in done.stderr
