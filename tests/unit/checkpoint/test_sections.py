"""The state dicts in a file, and their order."""

import numpy as np
import pytest
import torch

from composer.checkpoint.sections import find_sections, is_averaged, is_wrapper

STATE = {"a.weight": torch.ones(2), "a.bias": torch.zeros(2)}
OPTIMIZER = {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]}


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (STATE, [""]),
        ({"model": STATE, "optimizer": OPTIMIZER}, ["model"]),
        ({"state_dict": STATE, "hyper_parameters": {"lr": 0.1}}, ["state_dict"]),
        ({"state_dict": STATE, "ema_state_dict": STATE}, ["ema_state_dict", "state_dict"]),
        ({"state_dict": STATE, "state_dict_ema": STATE}, ["state_dict_ema", "state_dict"]),
        ({"model": STATE, "model_ema": STATE}, ["model_ema", "model"]),
        ({"student": STATE, "teacher": STATE}, ["teacher", "student"]),
        ({"model_state_dict": STATE, "optimizer_state_dict": OPTIMIZER}, ["model_state_dict"]),
        ({"checkpoint": {"model": STATE}}, ["checkpoint.model"]),
        ({"anything": {"else": STATE}}, ["anything.else"]),
        ({"model": STATE, "anything": STATE}, ["model"]),
        ({"model": STATE, "n_averaged": torch.tensor(3)}, ["model"]),
        ({"epoch": 3}, []),
        ({"model": {"a": np.zeros(2)}}, ["model"]),
        (OPTIMIZER, []),
    ],
)
def test_state_dicts_are_found_the_averaged_ones_first(document, names):
    assert [section.name for section in find_sections(document)] == names


@pytest.mark.parametrize(
    "name", ["ema", "model_ema", "ema_state_dict", "state_dict_ema", "modelTeacher.", "swa_model"]
)
def test_averaged_weights_are_known_by_their_names(name):
    assert is_averaged(name)


@pytest.mark.parametrize("name", ["", "model", "schema", "cinema.screen", "student", "emanation"])
def test_other_names_are_not_those_of_averaged_weights(name):
    assert not is_averaged(name)


def test_a_wrapper_has_usual_names_only():
    assert is_wrapper("module.model.")
    assert not is_wrapper("")
    assert not is_wrapper("module.backbone.")
