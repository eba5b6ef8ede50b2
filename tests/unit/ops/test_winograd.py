"""Convolutions of 3 x 3 as products of tiles."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from composer.ops import convolve_tiles, count_tiles, transform_kernels


def random_map(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


@given(
    num_images=st.integers(1, 3),
    channels=st.integers(1, 4),
    kernels=st.integers(1, 4),
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    is_rectified=st.booleans(),
)
def test_it_is_the_convolution(num_images, channels, kernels, height, width, is_rectified):
    x = random_map(num_images, channels, height, width)
    weight, bias = random_map(kernels, channels, 3, 3, seed=1), random_map(kernels, seed=2)
    addend = random_map(num_images, kernels, height, width, seed=3)
    expected = F.conv2d(x, weight, bias, padding=1) + addend
    found = convolve_tiles(x, transform_kernels(weight), bias, addend, is_rectified=is_rectified)
    torch.testing.assert_close(found, expected.relu() if is_rectified else expected)


@pytest.mark.parametrize("shape", [(1, 8, 600, 3), (1, 8, 3, 600), (40, 8, 14, 14), (3, 8, 50, 50)])
def test_long_maps_and_many_small_ones_are_split(shape):
    x, weight = random_map(*shape), random_map(8, 8, 3, 3, seed=1)
    found = convolve_tiles(x, transform_kernels(weight))
    torch.testing.assert_close(found, F.conv2d(x, weight, padding=1))
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_the_layout_of_the_input_does_not_matter():
    x, kernels = random_map(2, 8, 21, 33), transform_kernels(random_map(8, 8, 3, 3, seed=1))
    last = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(convolve_tiles(x, kernels), convolve_tiles(last, kernels))


def test_float32_loses_little_of_the_largest_value():
    x = random_map(1, 256, 64, 64, dtype=torch.float32).relu()
    weight = random_map(256, 256, 3, 3, seed=1, dtype=torch.float32) / 48
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    found = convolve_tiles(x, transform_kernels(weight))
    assert (found - exact).abs().max() < 5e-6 * exact.abs().max()


def test_tiles_are_counted_to_the_last_that_begins():
    assert count_tiles(torch.empty(2, 1, 9, 16, device="meta")) == 2 * 3 * 4
