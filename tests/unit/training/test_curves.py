"""Curves of a training: what is read, what is drawn, and what a failure does."""

import json

import pytest

from composer.training import Validation, trainer
from composer.training.curves import read_curves, write_curves
from unit.training.small_training import make_trainer

RECORDS = [
    {"iteration": 4, "total_loss": 3.0, "loss_cls": 1.0, "loss_box": 2.0, "lr": 0.1, "seconds": 1},
    {"iteration": 8, "total_loss": None, "loss_cls": 0.5, "loss_box": None, "lr": 0.2},
    {"iteration": 8, "kind": "evaluation", "bbox/AP": 0.25, "validation/total_loss": 2.5},
]


@pytest.fixture
def records(tmp_path):
    file = tmp_path / "metrics.jsonl"
    lines = [json.dumps(record) for record in RECORDS]
    file.write_text("\n".join([*lines, "[1, 2]", '{"iteration": 9, "total_lo']))
    return file


def test_values_are_curves_over_iterations(records):
    training, evaluation = read_curves(records)
    assert training["loss_cls"] == ([4, 8], [1.0, 0.5])
    assert training["total_loss"] == ([4], [3.0])
    assert evaluation == {"bbox/AP": ([8], [0.25]), "validation/total_loss": ([8], [2.5])}


def test_each_kind_has_its_plot(records, tmp_path):
    files = write_curves(records, tmp_path / "plots")
    assert [file.name for file in files] == ["losses.png", "learning_rate.png", "metrics.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def test_without_an_evaluation_there_is_no_plot_of_metrics(records, tmp_path):
    records.write_text(json.dumps(RECORDS[0]))
    names = [file.name for file in write_curves(records, tmp_path / "plots")]
    assert names == ["losses.png", "learning_rate.png"]


def test_a_training_draws_its_curves_and_reports_the_last_evaluation(tmp_path):
    reports = []
    validation = Validation(
        every=4, metrics=lambda graph: {"score": 0.5}, report=lambda: reports.append(1)
    )
    make_trainer(tmp_path, validation=validation).run()
    plots = sorted(file.name for file in (tmp_path / "plots").iterdir())
    assert plots == ["learning_rate.png", "losses.png", "metrics.png"]
    assert reports == [1]


def test_a_training_goes_on_when_its_curves_cannot_be_drawn(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trainer, "write_curves", refuse)
    assert make_trainer(tmp_path).run().status == "finished"
    assert "curves of the training are not drawn" in caplog.text
