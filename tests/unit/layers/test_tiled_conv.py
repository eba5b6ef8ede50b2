"""Wide convolutions of 3 x 3 in inference are computed by tiles, which changes no value."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from composer.layers import fuse_conv, fused_conv


@pytest.fixture(autouse=True)
def vectors(monkeypatch):
    """A processor with AVX2, whatever the tests run on."""
    monkeypatch.setattr(fused_conv, "has_vectors", lambda: True)


@pytest.fixture
def num_tiled(monkeypatch):
    """How many calls took tiles, by the number of calls of the operator."""
    calls = []

    def convolve(*args, **options):
        calls.append(args)
        return operator(*args, **options)

    operator = fused_conv.convolve_tiles
    monkeypatch.setattr(fused_conv, "convolve_tiles", convolve)
    return lambda: len(calls)


def make(activation=F.relu, size=(16, 12), **options):
    torch.manual_seed(0)
    conv = nn.Conv2d(96, 128, **{"kernel_size": 3, "padding": 1, **options})
    x = torch.randn(2, 96, *size)
    return fuse_conv(conv, activation=activation), conv, x


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("activation", [None, F.relu, nn.ReLU(), F.silu, nn.LeakyReLU(0.1)])
def test_the_activation_and_an_addend_follow(activation, num_tiled):
    layer, conv, x = make(activation)
    plain = (lambda y: y) if activation is None else activation
    addend = torch.randn(2, 128, 16, 12)
    with torch.inference_mode():
        close(layer(x), plain(conv(x)))
        close(layer(x, addend), plain(conv(x) + addend))
        close(layer(x, addend[:, :1]), plain(conv(x) + addend[:, :1]))  # broadcast by torch
    assert num_tiled() == 2


@pytest.mark.parametrize(
    "options",
    [
        {"stride": 2},
        {"padding": 0},
        {"dilation": 2},
        {"groups": 2},
        {"kernel_size": 1, "padding": 0},
        {"size": (8, 8)},
    ],
)
def test_others_are_computed_directly(options, num_tiled):
    layer, conv, x = make(None, **options)
    with torch.inference_mode():
        close(layer(x), conv(x))
    assert num_tiled() == 0


def test_so_are_lower_precision_and_gradients(num_tiled):
    layer, conv, x = make(None)
    given = x.clone().requires_grad_()
    close(layer(given), conv(x))
    with torch.inference_mode():
        layer.bfloat16()(x.bfloat16())
    assert num_tiled() == 0


def test_copies_pickles_and_new_weights_are_followed(num_tiled):
    layer, conv, x = make(None)
    with torch.no_grad():
        expected = layer(x)
        for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert torch.equal(other(x), expected)
        close(layer.double()(x.double()).float(), conv(x))
        assert torch.equal(layer.float()(x), expected)
    assert num_tiled() == 4


def test_threads_share_a_layer():
    layer, _, x = make()
    with torch.no_grad(), ThreadPoolExecutor(4) as threads:
        expected = layer(x)
        fresh = copy.deepcopy(layer)
        assert all(torch.equal(found, expected) for found in threads.map(fresh, [x] * 8))


def test_a_program_of_a_tiled_layer_has_a_plain_convolution():
    layer, conv, x = make()
    with torch.no_grad():
        layer(x)
        program = torch.export.export(layer, (x,), strict=False)
        close(program.module()(x), conv(x).relu())
    assert any("conv2d" in str(node.target) for node in program.graph.nodes)
