"""The initial weights of experiments."""

import pytest

from composer.errors import TrainingError
from composer.experiment import check_experiment, load_experiment
from unit.experiment.small_experiment import EXPERIMENT, write_experiment

FROZEN = EXPERIMENT.replace("from_scratch: true\n", "")


def test_frozen_random_layers_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("composer.pretrained.choice.list_candidates", list)
    experiment = load_experiment(write_experiment(tmp_path, FROZEN))
    with pytest.raises(TrainingError, match=r"\(backbone.bottom_up\), which never learn.*scratch"):
        check_experiment(experiment)


def test_a_norm_that_is_set_stays(tmp_path):
    file = write_experiment(tmp_path)
    lines = check_experiment(load_experiment(file, set=["model.backbone_norm=FrozenBN"]))
    assert "frozen although random, as the settings say: backbone.bottom_up" in lines
