import itertools

import pytest

from composer.visualization.colors import contrast_with, pick_color, vary_color


def distance(first, second):
    return sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5


def test_colors_of_neighbours_are_far_apart():
    colors = [pick_color(index) for index in range(20)]
    assert all(distance(a, b) > 90 for a, b in itertools.pairwise(colors))
    assert min(distance(a, b) for a, b in itertools.combinations(colors[:8], 2)) > 60


def test_a_number_has_the_same_color_every_time_and_all_are_visible_colors():
    for index in range(300):
        color = pick_color(index)
        assert color == pick_color(index)
        assert all(0 <= part <= 255 for part in color)
        assert max(color) - min(color) > 40


def test_objects_of_one_color_differ_in_shade():
    assert len({pick_color(0, shade) for shade in range(5)}) == 5
    assert len({vary_color((200, 100, 50), shade) for shade in range(5)}) == 5
    assert vary_color((200, 100, 50), 0) == (200, 100, 50)
    assert sum(vary_color((200, 100, 50), 1)) > 350 > sum(vary_color((200, 100, 50), 2))


@pytest.mark.parametrize(
    ("color", "text"),
    [
        ((255, 255, 255), (0, 0, 0)),
        ((255, 220, 0), (0, 0, 0)),
        ((0, 0, 0), (255, 255, 255)),
        ((0, 0, 180), (255, 255, 255)),
    ],
)
def test_text_is_dark_on_light_and_light_on_dark(color, text):
    assert contrast_with(color) == text
