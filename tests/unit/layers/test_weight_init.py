import math

import pytest
import torch
from torch import nn

from composer.layers import init_msra, init_normal, init_xavier


def test_msra_weights_have_the_deviation_of_a_relu_counted_over_the_outputs():
    conv = nn.Conv2d(16, 256, 3)
    init_msra(conv)
    assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / (256 * 9)), rel=0.05)
    assert not conv.bias.any()


def test_xavier_weights_are_uniform_within_a_bound_of_the_inputs():
    linear = nn.Linear(300, 400)
    init_xavier(linear)
    bound = math.sqrt(3 / 300)
    assert linear.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert linear.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)
    assert not linear.bias.any()


def test_normal_weights_have_the_given_deviation():
    deconv = nn.ConvTranspose2d(64, 64, 2)
    init_normal(deconv, std=0.01)
    assert deconv.weight.std().item() == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize("init", [init_msra, init_xavier])
def test_a_layer_without_bias_is_taken(init):
    conv = nn.Conv2d(3, 4, 1, bias=False)
    init(conv)
    assert conv.bias is None


def test_weights_come_from_the_global_generator():
    conv = nn.Conv2d(3, 4, 1)
    torch.manual_seed(7)
    init_msra(conv)
    first = conv.weight.clone()
    torch.manual_seed(7)
    init_msra(conv)
    assert torch.equal(conv.weight, first)
