"""What is measured in between is checked before anything is trained."""

import json

import pytest

from composer.errors import InputError
from composer.experiment import check_experiment, load_experiment, run_experiment
from unit.experiment.small_experiment import EXPERIMENT, write_experiment

_BEST = "checkpoint: {every: 2, best: {metric: METRIC}}"


def _write(folder, metric, tasks, *, only_annotated=True):
    text = EXPERIMENT.replace("checkpoint: {every: 2}", _BEST.replace("METRIC", metric))
    text = text.replace("metrics: []", f"metrics: {tasks}")
    if not only_annotated:
        text = text.replace("train:\n", "train:\n  only_annotated: false\n", 1)
    return load_experiment(write_experiment(folder, text))


@pytest.mark.parametrize("begin", [check_experiment, lambda it: run_experiment(it, "run")])
@pytest.mark.parametrize("tasks", ["null", "[proposals]"])
def test_figure_that_no_task_has_is_found_before_training(tmp_path, monkeypatch, begin, tasks):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"no metric 'proposals/ar100'. Did you mean '\w+/AR100'"):
        begin(_write(tmp_path, "proposals/ar100", tasks))
    assert not (tmp_path / "run").exists()


def test_metrics_of_tasks_are_known(tmp_path):
    assert check_experiment(_write(tmp_path, "proposals/AR100", "null"))
    assert check_experiment(_write(tmp_path, "validation/total_loss", "[]"))


def test_task_that_the_data_do_not_serve_is_found_before_training(tmp_path):
    with pytest.raises(InputError, match="LVIS"):
        check_experiment(_write(tmp_path, "lvis_bbox/AP", "[lvis_bbox]"))


def test_metrics_of_crowds_alone_are_known(tmp_path):
    experiment = _write(tmp_path, "proposals/AR100", "null", only_annotated=False)
    file = tmp_path / "shapes" / "instances.json"
    document = json.loads(file.read_text())
    for one in document["annotations"]:
        one["iscrowd"] = 1
    file.write_text(json.dumps(document))
    assert check_experiment(experiment)
