import pytest
import torch
from torch import nn

from composer.layers import FrozenBatchNorm2d, freeze_batch_norm


def filled(norm):
    with torch.no_grad():
        norm.weight.copy_(torch.rand(4) + 0.5)
        norm.bias.copy_(torch.randn(4))
        norm.running_mean.copy_(torch.randn(4))
        norm.running_var.copy_(torch.rand(4) + 0.5)
    return norm


def test_it_starts_as_the_identity():
    x = torch.randn(2, 4, 3, 3)
    torch.testing.assert_close(FrozenBatchNorm2d(4)(x), x)


@pytest.mark.parametrize("needs_gradient", [False, True])
def test_both_ways_of_computing_give_what_a_batch_norm_gives(needs_gradient):
    norm = filled(nn.BatchNorm2d(4)).eval()
    frozen = freeze_batch_norm(norm)
    x = torch.randn(2, 4, 5, 5, requires_grad=needs_gradient)
    torch.testing.assert_close(frozen(x), norm(x))


def test_the_two_ways_differ_by_rounding_only():
    frozen = filled(FrozenBatchNorm2d(4)).double()
    x = torch.randn(2, 4, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(frozen(x), frozen(x.clone().requires_grad_()).detach())


def test_training_changes_nothing():
    frozen = filled(FrozenBatchNorm2d(4)).train()
    before = {name: value.clone() for name, value in frozen.state_dict().items()}
    frozen(torch.randn(2, 4, 3, 3) * 100)
    assert all(torch.equal(before[name], value) for name, value in frozen.state_dict().items())
    assert list(frozen.parameters()) == []


def test_half_precision_stays_half():
    frozen = filled(FrozenBatchNorm2d(4))
    x = torch.randn(1, 4, 2, 2, dtype=torch.bfloat16, requires_grad=True)
    assert frozen(x).dtype == torch.bfloat16


def test_an_empty_batch_is_taken():
    assert FrozenBatchNorm2d(4)(torch.zeros(0, 4, 2, 2)).shape == (0, 4, 2, 2)


def test_it_has_four_keys_and_takes_the_fifth_of_a_batch_norm():
    frozen = FrozenBatchNorm2d(4)
    assert list(frozen.state_dict()) == ["weight", "bias", "running_mean", "running_var"]
    weights = filled(nn.BatchNorm2d(4)).state_dict()
    frozen.load_state_dict(weights, strict=True)
    assert torch.equal(frozen.running_var, weights["running_var"])
    assert "num_batches_tracked" in weights


def test_a_module_that_was_frozen_keeps_the_fifth_key_and_does_not_need_it():
    norm = filled(nn.BatchNorm2d(4))
    norm.num_batches_tracked += 7
    frozen = freeze_batch_norm(norm)
    assert frozen.state_dict()["num_batches_tracked"] == 7
    four = {name: torch.ones(4) for name in ("weight", "bias", "running_mean", "running_var")}
    frozen.load_state_dict(four, strict=True)
    assert frozen.num_batches_tracked == 7
    frozen.load_state_dict({**four, "num_batches_tracked": torch.tensor(9)}, strict=True)
    assert frozen.num_batches_tracked == 9


def test_freezing_reaches_nested_modules_and_keeps_values_and_other_modules():
    inner = nn.Sequential(nn.Conv2d(4, 4, 1), filled(nn.BatchNorm2d(4, eps=1e-3)))
    module = nn.Sequential(inner, nn.GroupNorm(2, 4), filled(nn.SyncBatchNorm(4)))
    x = torch.randn(1, 4, 3, 3)
    expected = module.eval()(x)
    frozen = freeze_batch_norm(module)
    kinds = [type(child).__name__ for child in (inner[0], inner[1], module[1], module[2])]
    assert kinds == ["Conv2d", "FrozenBatchNorm2d", "GroupNorm", "FrozenBatchNorm2d"]
    torch.testing.assert_close(frozen(x), expected)
    assert inner[1].eps == 1e-3


def test_it_shows_its_configuration():
    assert repr(FrozenBatchNorm2d(4)) == "FrozenBatchNorm2d(num_features=4, eps=1e-05)"
