import math

import pytest
import torch
import torch.nn.functional as F

from composer_dense.subnet import Subnet, build_predictor


def build(**options):
    defaults = {"in_channels": 8, "num_convs": 2, "conv_dim": -1, "norm": "", "num_levels": 3}
    return Subnet(**{**defaults, **options})


def weights_of(subnet):
    return {name for name in subnet.state_dict() if name.endswith("weight")}


def test_it_is_convolutions_with_a_relu_after_each():
    subnet, x = build(), torch.rand(2, 8, 5, 4)
    expected = x
    for index in ("0", "2"):
        conv = subnet.get_submodule(index)
        expected = F.relu(F.conv2d(expected, conv.weight, conv.bias, padding=1))
    torch.testing.assert_close(subnet(x, 0), expected)


@pytest.mark.parametrize(
    ("norm", "names"),
    [
        ("", {"0.weight", "2.weight"}),
        ("GN", {"0.weight", "1.weight", "3.weight", "4.weight"}),
        ("FrozenBN", {"0.weight", "1.weight", "3.weight", "4.weight"}),
        ("BN", {"0.weight", "1.weight", "3.weight", "4.weight"}),
    ],
)
def test_layers_are_numbered_as_in_checkpoints(norm, names):
    assert weights_of(build(conv_dim=32, norm=norm)) == names


@pytest.mark.parametrize(("norm", "own"), [("BN", True), ("SyncBN", True), ("GN", False)])
def test_batch_normalisation_has_statistics_for_each_level(norm, own):
    keys = build(conv_dim=32, norm=norm).state_dict()
    assert [f"1.{level}.running_mean" in keys for level in range(4)] == [own] * 3 + [False]


def test_levels_use_their_own_statistics():
    subnet = build(norm="BN").train()
    subnet(torch.rand(2, 8, 5, 4), 1)
    state = subnet.state_dict()
    assert state["1.0.num_batches_tracked"] == 0
    assert state["1.1.num_batches_tracked"] == 1


@pytest.mark.parametrize(
    ("options", "channels"), [({}, 8), ({"conv_dim": 5}, 5), ({"num_convs": 0, "conv_dim": 5}, 8)]
)
def test_it_says_how_many_channels_come_out(options, channels):
    subnet = build(**options)
    assert subnet.out_channels == channels
    assert subnet(torch.rand(1, 8, 3, 3), 0).shape == (1, channels, 3, 3)


def test_weights_start_small():
    conv = build(in_channels=32).get_submodule("0")
    assert conv.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert not conv.bias.any()


@pytest.mark.parametrize("probability", [0.5, 0.01, 0.9])
def test_a_predictor_starts_from_a_probability(probability):
    predictor = build_predictor(16, 7, probability)
    logits = predictor(torch.zeros(1, 16, 2, 2))
    torch.testing.assert_close(logits.sigmoid(), torch.full((1, 7, 2, 2), probability))
    assert predictor.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert math.isfinite(predictor.bias.sum().item())


def test_what_comes_in_stays_as_it_was():
    x = torch.randn(1, 8, 3, 3)
    before = x.clone()
    build()(x, 0)
    assert torch.equal(x, before)
