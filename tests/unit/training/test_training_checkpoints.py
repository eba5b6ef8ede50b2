"""Whatever happens while a checkpoint is written, the one before is still there."""

import errno
import os
import shutil
import signal
from itertools import count

import pytest
import torch

from composer.checkpoint import read_checkpoint, writer
from composer.errors import CheckpointError, InputError
from composer.runs import CheckpointFolders
from composer.training import Validation, export_model, find_weights, training_checkpoints
from composer.training.state import collect_tensors
from forked_processes import FORKS
from unit.training.small_training import make_graph, make_trainer, records_of


@pytest.fixture
def disk(monkeypatch):
    """A disk that is full from some write on: `disk["left"]` writes go well."""
    disk = {"left": 10**6}
    save = writer.write_safetensors

    def write(file, tensors, metadata):
        disk["left"] -= 1
        if disk["left"] < 0:
            file.write_bytes(b"half of it")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(file, tensors, metadata)

    monkeypatch.setattr(writer, "write_safetensors", write)
    return disk


@pytest.mark.parametrize("left", [2, 3])
def test_a_full_disk_loses_nothing_and_the_training_goes_on(left, disk, tmp_path, capsys):
    disk["left"] = left  # a checkpoint is two files
    trainer = make_trainer(tmp_path, iterations=12, checkpoint={"every": 4})
    with pytest.raises(CheckpointError, match="No space left"):
        trainer.run()
    assert trainer.iteration == 12
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["0000004"]
    disk["left"] = 10**6
    resumed = make_trainer(tmp_path, iterations=12, checkpoint={"every": 4})
    assert resumed.restore()
    assert resumed.run().status == "finished"


def train_and_die(folder):
    """Trains in a process of its own, until that ends within the fourth file."""
    save, files = writer.write_safetensors, count(1)

    def write(file, tensors, metadata):
        if next(files) == 4:
            file.write_bytes(b"half of it")
            os.kill(os.getpid(), signal.SIGKILL)
        save(file, tensors, metadata)

    writer.write_safetensors = write
    make_trainer(folder).run()


@pytest.mark.slow
def test_a_kill_while_saving_leaves_the_checkpoint_before(tmp_path):
    process = FORKS.Process(target=train_and_die, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert list(CheckpointFolders(tmp_path / "checkpoints", 1).saved()) == [5]
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2
    resumed = make_trainer(tmp_path)
    assert resumed.restore()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["0000005"]


def test_only_the_last_checkpoints_are_kept(tmp_path):
    make_trainer(tmp_path, iterations=9, checkpoint={"every": 2, "keep": 3}).run()
    assert list(CheckpointFolders(tmp_path / "checkpoints", 3).saved()) == [6, 8, 9]


def test_the_last_checkpoint_is_that_of_the_most_iterations(tmp_path):
    for name in ("10000000", "9999999"):
        (tmp_path / name).mkdir()
    assert list(CheckpointFolders(tmp_path, 2).saved()) == [9999999, 10000000]


def test_another_model_is_not_resumed(tmp_path):
    make_trainer(tmp_path, iterations=2).run()
    graph = make_graph()
    graph.get_submodule("body.linear").requires_grad_(False)
    with pytest.raises(CheckpointError, match="which is not trained now"):
        make_trainer(tmp_path, graph=graph, iterations=4).restore()


def score_by(values):
    """A validation whose metric takes these values one after the other."""
    remaining = iter(values)
    return Validation(every=2, metrics=lambda graph: {"score": next(remaining)})


def test_the_best_weights_are_kept(tmp_path):
    best = {"every": 2, "best": {"metric": "score"}, "keep": 9}
    summary = make_trainer(
        tmp_path, iterations=8, checkpoint=best, validation=score_by([0.1, 0.7, float("nan"), 0.3])
    ).run()
    assert summary.best == {
        "metric": "score",
        "better": "higher",
        "value": 0.7,
        "iteration": 4,
        "num_worse": 2,
    }
    kept = read_checkpoint(tmp_path / "best.safetensors").tensors
    then = read_checkpoint(tmp_path / "checkpoints/0000004/model.safetensors").tensors
    assert all(torch.equal(kept[key], then[key]) for key in then)
    assert [record["score"] for record in records_of(tmp_path, "evaluation")] == [
        0.1,
        0.7,
        None,
        0.3,
    ]


def test_the_best_counts_when_it_is_written(disk, tmp_path):
    scores, seen = iter([0.1, 0.7, 0.5, 0.4]), []

    def measure(graph):
        score = next(scores)
        seen.append(graph.get_parameter("body.linear.weight").clone())
        disk["left"] = 0 if score == 0.7 else 10**6
        return {"score": score}

    summary = make_trainer(
        tmp_path,
        iterations=7,
        checkpoint={"every": 2, "best": {"metric": "score"}},
        validation=Validation(every=2, metrics=measure),
    ).run()
    assert (summary.best["value"], summary.best["iteration"]) == (0.5, 6)
    kept = read_checkpoint(tmp_path / "best.safetensors").tensors
    assert torch.equal(kept["body.linear.weight"], seen[2])


def test_the_best_of_another_metric_is_not_compared_with(tmp_path, caplog):
    def checkpoint(**best):
        return {"every": 2, "best": best}

    make_trainer(
        tmp_path,
        iterations=4,
        checkpoint=checkpoint(metric="score"),
        validation=score_by([0.1, 0.2]),
    ).run()
    resumed = make_trainer(
        tmp_path,
        iterations=8,
        checkpoint=checkpoint(metric="score", better="lower"),
        validation=score_by([0.9, 0.8, 0.85]),
    )
    assert resumed.restore()
    assert "is dropped: the metric is now" in caplog.text
    best = resumed.run().best
    assert (best["value"], best["iteration"], best["better"]) == (0.8, 6, "lower")


def test_the_best_so_far_is_resumed(tmp_path):
    best = {"every": 2, "best": {"metric": "score"}}
    make_trainer(
        tmp_path, iterations=5, checkpoint=best, validation=score_by([0.9, 0.8, 0.7])
    ).run()
    resumed = make_trainer(
        tmp_path, iterations=8, checkpoint=best, validation=score_by([0.1, 0.2, 0.3])
    )
    assert resumed.restore()
    assert resumed.run().best["value"] == 0.9


def test_the_last_evaluation_counts_when_a_training_is_made_longer(tmp_path):
    best = {"best": {"metric": "score"}}
    make_trainer(tmp_path, iterations=3, checkpoint=best, validation=score_by([0.3, 0.9])).run()
    kept = read_checkpoint(tmp_path / "best.safetensors").tensors
    kept = {key: tensor.clone() for key, tensor in kept.items()}
    longer = make_trainer(
        tmp_path, iterations=6, checkpoint=best, validation=score_by([0.9, 0.5, 0.4])
    )
    assert longer.restore()
    summary = longer.run()
    assert (summary.best["value"], summary.best["iteration"]) == (0.9, 3)
    best_now = read_checkpoint(tmp_path / "best.safetensors").tensors
    assert all(torch.equal(best_now[key], tensor) for key, tensor in kept.items())
    evaluated = [record["iteration"] for record in records_of(tmp_path, "evaluation")]
    assert evaluated == [2, 3, 4, 6]


def test_a_checkpoint_before_an_evaluation_is_collected_once(tmp_path, monkeypatch):
    collected = []

    def collect(*given):
        collected.append(given)
        return collect_tensors(*given)

    monkeypatch.setattr(training_checkpoints, "collect_tensors", collect)
    make_trainer(
        tmp_path, iterations=4, checkpoint={"every": 2}, validation=score_by([0.1, 0.2])
    ).run()
    assert len(collected) == 2


def test_it_stops_when_nothing_gets_better(tmp_path):
    early = {"metric": "score", "better": "lower", "patience": 2, "min_change": 0.05}
    summary = make_trainer(
        tmp_path, iterations=20, early_stopping=early, validation=score_by([0.5, 0.4, 0.38, 0.36])
    ).run()
    assert summary.status == "stopped early"
    assert summary.iteration == 8
    assert summary.is_complete


def test_a_metric_that_is_not_measured_is_an_error(tmp_path):
    best = {"best": {"metric": "scor"}}
    with pytest.raises(Exception, match="Did you mean 'score'"):
        make_trainer(tmp_path, checkpoint=best, validation=score_by([0.5])).run()


def test_validation_losses_do_not_count_as_learning(tmp_path):
    rows = [{"row": torch.ones(4)}, {"row": torch.zeros(4)}]
    graph = make_graph()
    summary = make_trainer(
        tmp_path, graph=graph, iterations=2, validation=Validation(2, batches=[rows, rows[:1]])
    ).run()
    assert set(summary.metrics) == {"validation/loss", "validation/total_loss"}
    graph.eval()
    with torch.no_grad():
        losses = [graph.run(batch, mode="training", seed=0)["loss"] for batch in (rows, rows[:1])]
    assert losses[0] != losses[1]
    assert summary.metrics["validation/loss"] > 0


def test_averaged_weights_are_measured_and_left_behind(tmp_path):
    seen = []

    def look(graph):
        seen.append(graph.get_parameter("body.linear.weight").clone())
        return {}

    graph = make_graph()
    validation = Validation(every=12, metrics=look)
    make_trainer(tmp_path, graph=graph, ema={"decay": 0.9}, validation=validation).run()
    learnt = graph.get_parameter("body.linear.weight")
    assert not torch.equal(seen[0], learnt)
    written = read_checkpoint(tmp_path / "model.safetensors").tensors["body.linear.weight"]
    assert torch.equal(written, seen[0])
    raw = find_weights(tmp_path, last=True, averaged=False)
    assert torch.equal(read_checkpoint(raw).tensors["body.linear.weight"], learnt)


def test_a_folder_without_weights_cannot_be_exported(tmp_path):
    with pytest.raises(InputError, match="not that of a run"):
        export_model(tmp_path, tmp_path / "x.safetensors")


@pytest.mark.parametrize("has_checkpoints", [True, False])
def test_weights_as_learnt_are_those_of_a_run_without_an_average(has_checkpoints, tmp_path):
    make_trainer(tmp_path, iterations=2).run()
    if not has_checkpoints:
        shutil.rmtree(tmp_path / "checkpoints")
    assert find_weights(tmp_path, averaged=False) == tmp_path / "model.safetensors"


def test_averaged_weights_are_not_taken_for_those_as_learnt(tmp_path):
    make_trainer(tmp_path, iterations=2, ema={"decay": 0.9}).run()
    shutil.rmtree(tmp_path / "checkpoints")
    assert find_weights(tmp_path) == tmp_path / "model.safetensors"
    with pytest.raises(CheckpointError, match="no weights left but averaged ones"):
        find_weights(tmp_path, averaged=False)
