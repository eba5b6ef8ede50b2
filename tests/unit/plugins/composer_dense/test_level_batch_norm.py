import pytest
import torch
from torch import nn

from composer_dense.subnet import LevelBatchNorm


def test_each_level_has_statistics_of_its_own():
    norm = LevelBatchNorm(num_levels=2, num_features=3)
    norm(torch.rand(2, 3, 4, 4) + 5, 0)
    norm(torch.rand(2, 3, 4, 4) - 5, 1)
    state = norm.state_dict()
    assert (state["0.running_mean"] > 0).all()
    assert (state["1.running_mean"] < 0).all()


def test_levels_share_scale_and_shift():
    norm = LevelBatchNorm(num_levels=2, num_features=3)
    nn.init.constant_(norm.weight, 2.0)
    nn.init.constant_(norm.bias, 7.0)
    x = torch.rand(2, 3, 4, 4)
    for level in (0, 1):
        y = norm(x, level)
        torch.testing.assert_close(y.mean(dim=(0, 2, 3)), torch.full((3,), 7.0))
        assert y.std().item() == pytest.approx(2.0, rel=0.1)


def test_it_equals_a_batch_normalisation_where_there_is_one_level():
    ours, plain = LevelBatchNorm(num_levels=1, num_features=3), nn.BatchNorm2d(3)
    for _ in range(3):
        x = torch.randn(2, 3, 4, 4) + 1
        torch.testing.assert_close(ours(x, 0), plain(x))
    torch.testing.assert_close(ours.eval()(x, 0), plain.eval()(x))


@pytest.mark.parametrize("kind", ["BN", "SyncBN"])
def test_its_weights_are_called_as_in_checkpoints(kind):
    keys = set(LevelBatchNorm(num_levels=2, num_features=3, kind=kind).state_dict())
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    levels = {f"{level}.{name}" for level in (0, 1) for name in statistics}
    assert keys == {"weight", "bias"} | levels
