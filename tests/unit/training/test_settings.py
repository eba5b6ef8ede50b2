"""What settings of a training are refused."""

import pytest
import torch
from pydantic import ValidationError

from composer.errors import InputError
from composer.training.losses import find_losses, sum_losses
from composer.training.settings import (
    ClipSettings,
    OptimizerSettings,
    ScheduleSettings,
    TrainingSettings,
)


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (OptimizerSettings, {"lr": 0.0}, "greater than 0"),
        (OptimizerSettings, {"lr": 1.0, "uses": "SDG"}, "'SGD'"),
        (OptimizerSettings, {"lr": 1.0, "with": {"momentum": 1}}, "AdamW has no option"),
        (OptimizerSettings, {"lr": 1.0, "uses": "SGD", "with": {"momentm": 1}}, "'momentum'"),
        (OptimizerSettings, {"lr": 1.0, "with": {"betas": [0.9, 1.5]}}, "refuses"),
        (OptimizerSettings, {"lr": 1.0, "with": {"lr": 2.0}}, "beside 'with'"),
        (ScheduleSettings, {"uses": "multi_step"}, "go together"),
        (ScheduleSettings, {"steps": [3]}, "go together"),
        (ScheduleSettings, {"uses": "multi_step", "steps": [5, 3]}, "rise"),
        (ClipSettings, {}, "'norm' or by 'value'"),
        (ClipSettings, {"norm": 1.0, "value": 1.0}, "'norm' or by 'value'"),
        (TrainingSettings, {"iterations": 0, "optimizer": {"lr": 1.0}}, "greater than or equal"),
        (TrainingSettings, {"iterations": 9, "optimizer": {"lr": 1.0}, "seed": -1}, "greater"),
    ],
)
def test_settings_that_make_no_sense_are_refused(model, values, message):
    with pytest.raises(ValidationError, match=message):
        model.model_validate(values)


def test_losses_are_found_among_other_outputs():
    loss, rows = torch.tensor(1.0), torch.ones(3, 2)
    assert find_losses({"loss_cls": loss}) == {"loss_cls": loss}
    assert find_losses({"losses": {"loss_cls": loss}, "rows": rows}) == {"loss_cls": loss}


def test_a_graph_without_losses_is_refused():
    with pytest.raises(InputError, match="no losses in training mode"):
        find_losses({"rows": torch.ones(3, 2)})


def test_losses_of_one_name_are_refused():
    loss = torch.tensor(1.0)
    for second in (loss, {"b": loss}):
        with pytest.raises(InputError, match="outputs 'a' and 'b' both have a loss 'b'"):
            find_losses({"a": {"b": loss}, "b": second})


def test_losses_are_weighted():
    losses = {"a": torch.tensor(2.0), "b": torch.tensor([3.0])}
    assert sum_losses(losses, {"a": 0.5}).item() == 4.0
    with pytest.raises(InputError, match="no loss 'c'"):
        sum_losses(losses, {"c": 1.0})
