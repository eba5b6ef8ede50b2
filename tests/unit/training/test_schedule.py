"""The learning rate over time."""

import pytest
import torch

from composer.training.schedule import learning_rate_factor, set_learning_rates
from composer.training.settings import ScheduleSettings


def factors(count, **settings):
    schedule = ScheduleSettings.model_validate(settings)
    return [learning_rate_factor(schedule, iteration, count) for iteration in range(count)]


def test_constant_stays():
    assert factors(3) == [1.0, 1.0, 1.0]


def test_steps_are_iterations_or_fractions():
    by_count = factors(10, uses="multi_step", steps=[6, 8], gamma=0.5)
    by_share = factors(10, uses="multi_step", steps=[0.6, 0.8], gamma=0.5)
    assert by_count == by_share == [1.0] * 6 + [0.5] * 2 + [0.25] * 2


def test_cosine_goes_from_one_to_its_end():
    found = factors(100, uses="cosine", final_factor=0.2)
    assert found[0] == 1.0
    assert found[50] == pytest.approx(0.6)
    assert found[99] == pytest.approx(0.2, abs=1e-3)
    assert found == sorted(found, reverse=True)


def test_a_linear_warmup_rises_to_the_curve():
    found = factors(8, warmup={"iterations": 4, "factor": 0.2})
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1])


def test_a_warmup_may_be_a_fraction_of_the_training():
    assert factors(8, warmup={"iterations": 0.5}) == factors(8, warmup={"iterations": 4})
    assert factors(3, warmup={"iterations": 0.1}) == [1.0, 1.0, 1.0]


def test_a_constant_warmup_waits():
    found = factors(4, warmup={"iterations": 2, "factor": 0.5, "shape": "constant"})
    assert found == [0.5, 0.5, 1.0, 1.0]


def test_warmup_multiplies_the_curve_as_torch_schedulers_chained_do():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    warm = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=3)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    expected = []
    for _ in range(10):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        warm.step()
        cosine.step()
    found = factors(10, uses="cosine", warmup={"iterations": 3, "factor": 0.1})
    assert found == pytest.approx(expected, abs=1e-6)


def test_every_group_keeps_its_own_rate():
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    groups = [
        {"params": [weight], "lr": lr} for weight, lr in zip(weights, (1.0, 0.1), strict=True)
    ]
    optimizer = torch.optim.SGD(groups)
    for factor in (0.5, 0.25):
        set_learning_rates(optimizer, factor)
        assert [group["lr"] for group in optimizer.param_groups] == [factor, factor * 0.1]
