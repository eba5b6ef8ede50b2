"""The training loop: it learns, records, saves, and goes on as if nothing had happened."""

import json
import os
import signal

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from composer.errors import CheckpointError, TrainingError
from composer.training import Validation, training_step
from unit.training.small_training import (
    RowBatches,
    make_graph,
    make_trainer,
    records_of,
    weights_of,
)

TIMES = {"seconds", "data_share", "memory_mb"}
VARIANTS = {
    "plain": {},
    "sgd": {"optimizer": {"uses": "SGD", "lr": 0.1, "with": {"momentum": 0.9}}},
    "bfloat16": {"precision": "bfloat16"},
    "float16": {"precision": "float16"},
    "deterministic": {"deterministic": True},
    "ema": {"ema": {"decay": 0.9}},
    "precise_bn": {"precise_bn": 3},
    "precise_bn of averages": {"precise_bn": 3, "ema": {"decay": 0.9}},
    "accumulated": {"accumulate": 3, "clip": {"norm": 0.1}},
    "scheduled": {
        "schedule": {"uses": "cosine", "warmup": {"iterations": 4}},
        "clip": {"value": 0.01},
    },
}


@pytest.mark.parametrize("channels_last", [True, False])
def test_nodes_are_prepared_where_channels_are_last_and_only_there(
    tmp_path, monkeypatch, channels_last
):
    prepared = []
    monkeypatch.setattr(
        training_step, "prepare_channels_last", lambda *given: prepared.append(given)
    )
    graph = make_graph()
    make_trainer(tmp_path, graph=graph, channels_last=channels_last)
    assert prepared == ([(graph.blueprint, graph.callables)] if channels_last else [])


class Stopping(RowBatches):
    """Batches that send this process a signal when a position is reached."""

    def __init__(self, at, name="SIGTERM"):
        super().__init__()
        self.at, self.name = at, name

    def __iter__(self):
        for batch in super().__iter__():
            if self.position == self.at:
                os.kill(os.getpid(), getattr(signal, self.name))
            yield batch


def assert_same_run(one, other, names=("model.safetensors",)):
    for name in names:
        first, second = weights_of(one / name), weights_of(other / name)
        assert first.keys() == second.keys()
        for key, tensor in first.items():
            assert torch.equal(tensor, second[key]), key
    for kind in (None, "evaluation"):
        pairs = zip(records_of(one, kind), records_of(other, kind), strict=True)
        for record, again in pairs:
            assert {k: v for k, v in record.items() if k not in TIMES} == {
                k: v for k, v in again.items() if k not in TIMES
            }


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_killed_and_resumed_training_equals_one_that_was_not(variant, tmp_path):
    settings = VARIANTS[variant]
    size = settings.get("accumulate", 1)
    make_trainer(tmp_path / "straight", **settings).run()
    killed = make_trainer(tmp_path / "cut", batches=Breaking(at=8 * size), **settings)
    with pytest.raises(KilledError):
        killed.run()
    resumed = make_trainer(tmp_path / "cut", graph=make_graph(seed=1), **settings)
    assert resumed.restore()
    assert resumed.iteration == 5
    assert resumed.run().status == "finished"
    assert_same_run(tmp_path / "straight", tmp_path / "cut")


class KilledError(Exception):
    """Ends a run at once, as a kill does."""


class Breaking(RowBatches):
    """Batches that end everything when a position is reached."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def __iter__(self):
        for batch in super().__iter__():
            if self.position == self.at:
                raise KilledError
            yield batch


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_saves_first(name, tmp_path):
    make_trainer(tmp_path / "straight").run()
    summary = make_trainer(tmp_path / "cut", batches=Stopping(7, name)).run()
    assert summary.status == f"interrupted by {name}"
    assert summary.iteration == 7
    assert not summary.is_complete
    assert (tmp_path / "cut/checkpoints/0000007").is_dir()
    resumed = make_trainer(tmp_path / "cut")
    resumed.restore()
    resumed.run()
    assert_same_run(tmp_path / "straight", tmp_path / "cut")


def test_former_signal_handlers_come_back(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    make_trainer(tmp_path, iterations=1).run()
    assert signal.getsignal(signal.SIGTERM) is before


def test_evaluations_change_nothing_of_the_training(tmp_path):
    make_trainer(tmp_path / "without").run()

    def draw(graph):
        assert not graph.training
        torch.randn(3)
        return {"score": 1.0}

    validation = Validation(every=2, metrics=draw, batches=[])
    make_trainer(tmp_path / "with", validation=validation).run()
    first = weights_of(tmp_path / "without/model.safetensors")
    second = weights_of(tmp_path / "with/model.safetensors")
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_what_metrics_draw_is_the_same_when_it_is_resumed(tmp_path):
    def validation():
        return Validation(every=5, metrics=lambda graph: {"score": torch.rand(()).item()})

    make_trainer(tmp_path / "straight", validation=validation()).run()
    with pytest.raises(KilledError):
        make_trainer(tmp_path / "cut", batches=Breaking(at=8), validation=validation()).run()
    resumed = make_trainer(tmp_path / "cut", validation=validation())
    resumed.restore()
    resumed.run()
    assert_same_run(tmp_path / "straight", tmp_path / "cut")


def test_the_settings_of_the_caller_come_back(tmp_path):
    make_trainer(tmp_path / "one", iterations=1, deterministic=True).run()
    assert not torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        make_trainer(tmp_path / "two", iterations=1, deterministic=True).run()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def test_the_random_numbers_of_the_caller_are_left_alone(tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    make_trainer(tmp_path, iterations=2).run()
    assert torch.equal(torch.rand(2), expected)


def test_the_folder_tells_everything(tmp_path):
    summary = make_trainer(tmp_path).run()
    assert [record["iteration"] for record in records_of(tmp_path)] == [1, 4, 8, 12]
    assert {"loss", "total_loss", "lr", "grad_norm"} <= records_of(tmp_path)[0].keys()
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "0000010",
        "0000012",
    ]
    written = json.loads((tmp_path / "summary.json").read_text())
    assert written["status"] == summary.status == "finished"
    assert list((tmp_path / "tensorboard").iterdir())


def test_a_folder_with_a_training_in_it_is_not_overwritten(tmp_path):
    make_trainer(tmp_path).run()
    with pytest.raises(TrainingError, match=r"already.*Resume it"):
        make_trainer(tmp_path).run()


def test_without_a_checkpoint_there_is_nothing_to_restore(tmp_path):
    assert not make_trainer(tmp_path).restore()


def test_what_was_killed_before_its_first_checkpoint_leaves_no_records(tmp_path):
    with pytest.raises(KilledError):
        make_trainer(tmp_path, batches=Breaking(at=10), checkpoint={"every": 100}).run()
    with (tmp_path / "metrics.jsonl").open("a") as stream:
        stream.write('{"iteration": 9, "lo')
    make_trainer(tmp_path, checkpoint={"every": 100}).run()
    assert [record["iteration"] for record in records_of(tmp_path)] == [1, 4, 8, 12]
    curves = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [point.step for point in curves.Scalars("total_loss")] == [1, 4, 8, 12]


def test_a_finished_training_that_is_resumed_keeps_its_last_record(tmp_path):
    record = make_trainer(tmp_path).run().record
    resumed = make_trainer(tmp_path)
    resumed.restore()
    assert resumed.run().record == record
    assert record.keys() > {"loss", "lr"}


def test_a_damaged_checkpoint_leaves_the_one_before(tmp_path, caplog):
    make_trainer(tmp_path).run()
    file = tmp_path / "checkpoints/0000012/training.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    trainer = make_trainer(tmp_path)
    assert trainer.restore()
    assert trainer.iteration == 10
    assert "set aside as '0000012.unreadable'" in caplog.text
    trainer.run()
    again = make_trainer(tmp_path)
    again.restore()
    assert again.iteration == 12


def test_a_damaged_checkpoint_pushes_out_none_that_is_whole(tmp_path):
    make_trainer(tmp_path, iterations=8, checkpoint={"every": 2}).run()
    (tmp_path / "checkpoints/0000008/model.safetensors").write_bytes(b"")
    checkpoint = {"every": 20, "keep": 1}
    cut = make_trainer(tmp_path, checkpoint=checkpoint, batches=Stopping(7))
    cut.restore()
    assert cut.run().iteration == 7
    resumed = make_trainer(tmp_path, checkpoint=checkpoint)
    assert resumed.restore()
    assert resumed.iteration == 7


def test_only_damaged_checkpoints_are_an_error(tmp_path):
    make_trainer(tmp_path).run()
    for file in tmp_path.glob("checkpoints/*/model.safetensors"):
        file.write_bytes(b"")
    with pytest.raises(CheckpointError, match="no checkpoint can be read"):
        make_trainer(tmp_path).restore()


ADAM = {"uses": "AdamW", "lr": 0.01, "with": {"amsgrad": False}}
AMSGRAD = {"uses": "AdamW", "lr": 0.01, "with": {"amsgrad": True}}
SGD = {"uses": "SGD", "lr": 0.1}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (ADAM, SGD, "trained by AdamW, which SGD cannot resume"),
        (SGD, ADAM, "trained by SGD, which AdamW cannot resume"),
        (ADAM, AMSGRAD, "has kept no 'max_exp_avg_sq'"),
    ],
)
def test_another_optimizer_does_not_go_on(before, after, message, tmp_path):
    make_trainer(tmp_path, iterations=2, optimizer=before).run()
    with pytest.raises(CheckpointError, match=message):
        make_trainer(tmp_path, optimizer=after).restore()
    assert (tmp_path / "checkpoints/0000002").is_dir()


@pytest.mark.parametrize(
    ("before", "after"), [("float32", "float16"), ("float16", "bfloat16"), ("float16", "float32")]
)
def test_another_precision_goes_on(before, after, tmp_path):
    make_trainer(tmp_path, iterations=2, precision=before).run()
    resumed = make_trainer(tmp_path, iterations=4, precision=after)
    assert resumed.restore()
    assert resumed.run().iteration == 4


def test_an_average_that_is_new_begins_with_the_weights(tmp_path):
    make_trainer(tmp_path, iterations=5).run()
    before = weights_of(tmp_path / "model.safetensors")
    averaged = make_trainer(tmp_path, iterations=5, graph=make_graph(seed=1), ema={"decay": 0.9})
    assert averaged.restore()
    averaged.run()
    after = weights_of(tmp_path / "model.safetensors")
    assert all(torch.equal(after[key], tensor) for key, tensor in before.items())


def test_losses_that_are_not_finite_end_it_with_the_images(tmp_path):
    trainer = make_trainer(tmp_path, batches=RowBatches(poison=6))
    with pytest.raises(TrainingError) as caught:
        trainer.run()
    message = str(caught.value)
    assert "iteration 7" in message
    assert "25 (1.png)" in message
    assert "loss nan" in message
    assert "'stack'" in message
    assert (tmp_path / "checkpoints/0000005").is_dir()


def test_all_images_of_a_step_are_told_whose_gradients_are_not_finite(tmp_path):
    graph = make_graph()
    factors = iter([torch.inf, 1.0, 1.0])
    graph.get_parameter("body.linear.weight").register_hook(lambda grad: grad * next(factors))
    with pytest.raises(TrainingError) as caught:
        make_trainer(tmp_path, graph=graph, accumulate=3).run()
    named = "images: " + ", ".join(f"{image} ({image % 4}.png)" for image in range(12))
    assert named in str(caught.value)


def test_what_is_not_finite_is_looked_for_on_the_device(tmp_path, monkeypatch):
    class Elsewhere(RowBatches):
        def __iter__(self):
            for batch in super().__iter__():
                yield [{"elsewhere": record} for record in batch]

    monkeypatch.setattr(
        training_step, "move", lambda batch, device: [each["elsewhere"] for each in batch]
    )
    graph = make_graph()
    graph.get_parameter("body.linear.weight").register_hook(lambda grad: grad * torch.inf)
    with pytest.raises(TrainingError, match="every node's output is finite"):
        make_trainer(tmp_path, graph=graph, batches=Elsewhere()).run()
