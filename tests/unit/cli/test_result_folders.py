"""Results are in folders that say which model they are of."""

import pytest

from composer.cli.result_folders import (
    choose_evaluation_folder,
    choose_predictions_folder,
    name_model,
)


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    (folder / "best.safetensors").touch()
    (tmp_path / "pets.safetensors").touch()


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("runs/mine", "mine"),
        ("runs/mine/", "mine"),
        ("runs/mine/best.safetensors", "mine-best"),
        ("pets.safetensors", "pets"),
        ("mask_rcnn_r50_fpn", "mask_rcnn_r50_fpn"),
        ("detection-composer/mask_rcnn_r50_fpn", "mask_rcnn_r50_fpn"),
        ("other/mask_rcnn_r50_fpn", "other.mask_rcnn_r50_fpn"),
        ("https://example.org/files/model_final.pkl", "model_final"),
    ],
)
def test_the_name_tells_models_apart(model, name):
    assert name_model(model) == name


def test_evaluations_are_numbered_and_predictions_leave_the_run_alone(tmp_path):
    assert choose_predictions_folder("runs/mine").as_posix() == "runs/mine-predictions"
    for name in ("mine-eval", "mine-eval-2"):
        folder = choose_evaluation_folder("mine")
        assert folder.as_posix() == f"runs/{name}"
        folder.mkdir()
