"""Layers that lay their weights out once hold them once, and give what plain layers do."""

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from composer.layers import FusedConv2d, PackedLinear, fuse_conv

X = torch.linspace(-1, 1, 2 * 8 * 5 * 6).reshape(2, 8, 5, 6)


def make(kind, groups=2):
    torch.manual_seed(0)
    if kind == "conv":
        conv = nn.Conv2d(8, 12, 3, padding=1, groups=groups)
        return fuse_conv(conv, activation=F.relu), lambda x: F.relu(conv(x)), X
    linear = nn.Linear(6, 4)
    return PackedLinear(linear.weight, linear.bias), linear, X[0, 0]


KINDS = pytest.mark.parametrize("kind", ["conv", "linear"])


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@KINDS
def test_the_weight_is_held_once_and_can_be_read(kind):
    layer, plain, x = make(kind)
    before = layer.find_weight().clone()
    with torch.inference_mode():
        close(layer(x), plain(x))
    assert layer.weight is None
    assert not list(layer.parameters())[1:]  # the bias
    assert torch.equal(layer.find_weight(), before)


@KINDS
@pytest.mark.parametrize("is_packed", [False, True])
def test_copies_pickles_and_casts_hold_the_weight(kind, is_packed):
    layer, plain, x = make(kind)
    with torch.no_grad():
        expected = plain(x)
        if is_packed:
            layer(x)
        for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            close(other(x), expected)
        close(layer.double()(x.double()).float(), expected)
        close(layer.float()(x), expected)


@KINDS
def test_where_the_operators_do_not_fit_plain_ones_are_called(kind):
    layer, plain, x = make(kind)
    with torch.no_grad():
        layer(x)
        assert layer(x[:0]).shape == plain(x[:0]).shape
    given = x.clone().requires_grad_()
    layer(given).sum().backward()
    expected = x.clone().requires_grad_()
    plain(expected).sum().backward()
    close(given.grad, expected.grad)
    with torch.no_grad():
        close(layer(x), plain(x))


@KINDS
def test_a_program_of_a_packed_layer_can_be_recorded(kind):
    layer, plain, x = make(kind)
    with torch.no_grad():
        layer(x)
        program = torch.export.export(layer, (x,), strict=False).module()
        close(program(x), plain(x))


@KINDS
def test_bfloat16_is_near(kind):
    layer, plain, x = make(kind)
    with torch.no_grad():
        found = layer.bfloat16()(x.bfloat16())
        torch.testing.assert_close(found.float(), plain(x), rtol=0.05, atol=0.05)
    assert found.dtype == torch.bfloat16


def test_a_convolution_has_one_layout_for_all_sizes():
    layer, plain, x = make("conv", groups=1)
    assert isinstance(layer, FusedConv2d)
    with torch.no_grad():
        for size in (x, x[:1], torch.cat([x, x], dim=3)):
            close(layer(size), plain(size))


@pytest.mark.parametrize("activation", [F.relu6, F.silu, F.hardswish, nn.LeakyReLU(0.1)])
def test_any_activation_follows_a_convolution_and_an_addend(activation):
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 8, 3, padding=1)
    layer, addend = fuse_conv(conv, activation=activation), X.flip(0)
    with torch.inference_mode():
        close(layer(X), activation(conv(X)))
        close(layer(X, addend), activation(conv(X) + addend))
