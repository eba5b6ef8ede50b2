"""Maps as tiles."""

import pytest
import torch

from composer.visualization import draw_maps


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((4, 8), (132, 68)),
        ((3, 8, 8), (264, 264)),
        ((1, 20, 8, 8), (528, 528)),
        ((5, 3, 8, 8), (396, 264)),
    ],
)
def test_tiles_have_a_place_each(shape, size):
    assert draw_maps(torch.rand(shape)).size == size


def test_the_channels_that_vary_most_are_drawn():
    maps = torch.zeros(1, 40, 4, 4)
    maps[0, 37, 2, 2] = 1.0
    drawn = draw_maps(maps)
    assert drawn.getextrema()[0][1] == 255


@pytest.mark.parametrize("value", [torch.zeros(3), torch.zeros(0, 4, 4), torch.zeros(1, 0, 4, 4)])
def test_what_is_no_map_is_not_drawn(value):
    assert draw_maps(value) is None


def test_numbers_that_are_not_finite_are_drawn():
    maps = torch.full((2, 4, 4), float("nan"))
    maps[1, 0, 0] = float("inf")
    assert draw_maps(maps) is not None
    assert draw_maps(torch.ones(2, 2, dtype=torch.bool)) is not None
