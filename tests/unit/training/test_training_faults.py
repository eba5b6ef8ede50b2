"""Damaged checkpoints, killed workers and folders that go away: one clear line, nothing wrong."""

import json
import os
import shutil

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from composer.checkpoint import SafetensorsTensors, write_checkpoint
from composer.errors import CheckpointError, DataError, TrainingError
from composer.runs import check_checksums
from composer.training.saved_values import check_values
from composer.training.state import TrainingState
from composer.worker_death import is_worker_death, reporting_worker_death
from unit.training.small_training import RowBatches, make_trainer, weights_of

KILLED = "DataLoader worker (pid 4711) is killed by signal: Killed. "


@pytest.fixture
def run(tmp_path):
    """A run of twelve iterations with checkpoints at 10 and 12."""
    make_trainer(tmp_path).run()
    return tmp_path


def flip_bit(file, place):
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("name", ["model.safetensors", "training.safetensors"])
def test_a_flipped_bit_in_the_last_checkpoint_resumes_from_the_one_before(run, name, caplog):
    flip_bit(run / "checkpoints/0000012" / name, -3)
    resumed = make_trainer(run)
    assert resumed.restore()
    assert resumed.iteration == 10
    assert "its content differs from what was written" in caplog.text
    assert (run / "checkpoints/0000012.unreadable").is_dir()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "checksums.json").unlink(), "No such file"),
        (lambda folder: (folder / "model.safetensors").unlink(), "No such file"),
        (lambda folder: (folder / "checksums.json").write_text("{}"), "is damaged"),
        (lambda folder: (folder / "checksums.json").write_bytes(b"\xff"), "is damaged"),
        (lambda folder: (folder / "checksums.json").write_text('{"sha256": 3}'), "is damaged"),
    ],
)
def test_missing_files_and_checksums_are_told(run, damage, message):
    folder = run / "checkpoints/0000012"
    check_checksums(folder)
    damage(folder)
    with pytest.raises(CheckpointError, match=message):
        check_checksums(folder)


VALUES = {
    "iteration": 3,
    "evaluated": 0,
    "is_unmeasured": False,
    "metrics": {"bbox/AP": float("nan")},
    "record": {},
    "means": [{"loss": [1.5, 2]}],
    "best": None,
    "patience": None,
    "optimizer": "SGD",
    "scaler": {},
    "num_updates": 0,
}


def test_values_of_the_right_form_are_read(tmp_path):
    TrainingState({}, VALUES).write(tmp_path / "training.safetensors")
    read = TrainingState.read(tmp_path / "training.safetensors").values
    assert {**read, "metrics": {}} == {**VALUES, "metrics": {}}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"iteration": "3"}, "iteration"),
        ({"iteration": -1}, "iteration"),
        ({"iteration": 2.5}, "iteration"),
        ({"means": [{"loss": [1.5]}]}, "means.0.loss"),
        ({"metrics": [1]}, "metrics"),
        ({"best": {"metric": "AP"}}, "best.better"),
        ({"num_updates": None}, "num_updates"),
        ({"other": 1}, "other"),
    ],
)
def test_values_of_a_wrong_form_are_told(change, place):
    with pytest.raises(CheckpointError, match=rf"a\.st: the state .* damaged.*: {place}: "):
        check_values({**VALUES, **change}, "a.st")


@pytest.mark.parametrize("text", ["[]", "3", "{", "[" * 100000])
def test_values_that_are_none_are_told(tmp_path, text):
    file = tmp_path / "training.safetensors"
    write_checkpoint(file, {"x": torch.zeros(1)}, metadata={"composer.training": text})
    assert SafetensorsTensors(file)
    with pytest.raises(CheckpointError, match=r"training\.safetensors"):
        TrainingState.read(file)


def test_damaged_lines_of_the_log_are_dropped(run):
    shutil.rmtree(run / "checkpoints/0000012")
    with (run / "metrics.jsonl").open("ab") as stream:
        stream.write(b'\xff\xfe{"iteration": 1}\n[1]\n{"iteration": "x"}\nnull\n{"kind": 1}\n')
    resumed = make_trainer(run)
    assert resumed.restore()
    assert resumed.run().status == "finished"
    lines = (run / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["iteration"] for line in lines] == [1, 4, 8, 12]


class Deadly(Dataset):
    """Batches whose fourth kills the worker that makes it."""

    def __len__(self):
        return 100

    def __getitem__(self, number):
        if number == 3:
            os.kill(os.getpid(), 9)
        return number


class DeadlyBatches(RowBatches):
    """Batches that are made by a worker."""

    def __iter__(self):
        made = super().__iter__()
        for _ in DataLoader(Deadly(), batch_size=None, num_workers=1):
            yield next(made)


def test_a_killed_data_worker_is_told_in_one_line(tmp_path):
    trainer = make_trainer(tmp_path, batches=DeadlyBatches(), checkpoint={"every": 1})
    with pytest.raises(DataError, match=r"^a data worker process .*memory full.*num_workers"):
        trainer.run()
    resumed = make_trainer(tmp_path)
    assert resumed.restore()
    assert resumed.run().status == "finished"
    make_trainer(tmp_path / "straight").run()
    first, second = (
        weights_of(folder / "model.safetensors") for folder in (tmp_path, tmp_path / "straight")
    )
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_end_of_a_worker_is_not_blamed_on_a_node(tmp_path, monkeypatch):
    trainer = make_trainer(tmp_path)

    def interrupted(*args, **kwargs):
        raise RuntimeError(KILLED)

    graph = trainer._step.graph
    monkeypatch.setattr(graph.module("body"), "forward", interrupted)
    with pytest.raises(DataError, match=r"process was killed by signal Killed\. Was the memory"):
        trainer.run()


def test_other_errors_are_left_alone():
    assert is_worker_death(RuntimeError(KILLED))
    assert is_worker_death(RuntimeError("DataLoader worker (pid(s) 1, 2) exited unexpectedly"))
    assert not is_worker_death(RuntimeError("a worker"))
    assert not is_worker_death(ValueError(KILLED))
    with pytest.raises(RuntimeError, match="shapes"), reporting_worker_death():
        raise RuntimeError("shapes differ")


class Deleting(RowBatches):
    """Batches during which the folder of the run goes away."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def __iter__(self):
        for batch in super().__iter__():
            if self.position == 6:
                shutil.move(self.folder, self.folder.with_name("moved"))
            yield batch


def test_a_folder_that_goes_away_ends_the_training_and_can_be_resumed_elsewhere(tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(TrainingError, match="deleted or renamed during the training"):
        make_trainer(folder, batches=Deleting(folder)).run()
    assert not folder.exists()
    resumed = make_trainer(tmp_path / "moved")
    assert resumed.restore()
    assert resumed.run().status == "finished"
