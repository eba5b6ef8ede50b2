import pytest
import torch
from torch import nn

from composer.layers import ChannelLayerNorm, FrozenBatchNorm2d, build_norm


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("BN", nn.BatchNorm2d),
        ("SyncBN", nn.SyncBatchNorm),
        ("FrozenBN", FrozenBatchNorm2d),
        ("GN", nn.GroupNorm),
        ("LN", ChannelLayerNorm),
    ],
)
def test_each_name_builds_its_norm(name, kind):
    norm = build_norm(name, 64)
    assert type(norm) is kind
    assert norm.eval()(torch.randn(2, 64, 3, 3)).shape == (2, 64, 3, 3)


def test_the_empty_name_is_none():
    assert build_norm("", 64) is None


def test_group_norm_has_32_groups():
    assert build_norm("GN", 64).num_groups == 32
    with pytest.raises(ValueError, match="divisible"):
        build_norm("GN", 48)


def test_channel_layer_norm_is_layer_norm_over_the_channels_of_each_place():
    norm = ChannelLayerNorm(8)
    with torch.no_grad():
        norm.weight.copy_(torch.rand(8))
        norm.bias.copy_(torch.rand(8))
    x = torch.randn(2, 8, 3, 5)
    places = x.permute(0, 2, 3, 1)
    expected = nn.functional.layer_norm(places, (8,), norm.weight, norm.bias, norm.eps)
    torch.testing.assert_close(norm(x), expected.permute(0, 3, 1, 2))
