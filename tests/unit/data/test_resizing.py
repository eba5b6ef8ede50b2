import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.data import choose_size

SIDES = st.integers(1, 5000)


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((480, 640), (800, 1067)),  # 1066.67 is rounded up
        ((640, 480), (1067, 800)),
        ((512, 512), (800, 800)),
        ((480, 1000), (640, 1333)),  # limited by the longer side: 639.84 is rounded up
        ((1000, 480), (1333, 640)),
        ((427, 640), (800, 1199)),
        ((1, 1), (800, 800)),
    ],
)
def test_sizes_are_those_of_detectron2(size, wanted):
    assert choose_size(*size, 800, 1333) == wanted


@given(SIDES, SIDES)
def test_no_shortest_edge_leaves_the_size(height, width):
    assert choose_size(height, width, 0, 1333) == (height, width)


@given(SIDES, SIDES, st.integers(1, 900), st.integers(1, 1400))
def test_sides_stay_within_the_limits(height, width, shortest, longest):
    new_height, new_width = choose_size(height, width, shortest, longest)
    assert 1 <= min(new_height, new_width) <= shortest
    assert max(new_height, new_width) <= longest


@given(SIDES, SIDES)
def test_turned_image_has_the_turned_size(height, width):
    assert choose_size(height, width, 800, 1333) == choose_size(width, height, 800, 1333)[::-1]


def test_no_longest_edge_is_no_limit():
    assert choose_size(10, 1000, 800, 0) == (800, 80000)
