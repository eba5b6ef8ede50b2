import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer_rcnn.roi_pooler import assign_levels


def level_of(width, height=None, **options):
    area = torch.tensor([float(width) * float(width if height is None else height)])
    return assign_levels(area, 2, 5, **options).item() + 2


@pytest.mark.parametrize(
    ("side", "level"),
    [(56, 2), (111.9, 2), (112, 3), (223.9, 3), (224, 4), (447.9, 4), (448, 5), (449, 5)],
)
def test_a_box_exactly_on_a_boundary_belongs_to_the_coarser_level(side, level):
    assert level_of(side) == level


@pytest.mark.parametrize(("side", "level"), [(0, 2), (1e-3, 2), (5000, 5), (float("inf"), 5)])
def test_levels_are_limited_to_those_there_are(side, level):
    assert level_of(side) == level


def test_only_the_area_counts():
    assert level_of(448, 112) == level_of(224)


def test_a_size_that_is_no_number_gets_the_finest_level():
    assert level_of(float("nan")) == 2
    assert level_of(-5, 5) == 2


def test_the_canonical_size_and_level_can_be_moved():
    assert level_of(100, canonical_size=100, canonical_level=3) == 3


def test_a_box_just_below_a_boundary_can_be_counted_as_on_it():
    assert level_of(111.99995) == 2
    assert level_of(111.99995, level_epsilon=1e-6) == 3
    assert level_of(111.99, level_epsilon=1e-6) == 2


def test_no_boxes_have_no_levels():
    levels = assign_levels(torch.zeros(0), 2, 5)
    assert levels.shape == (0,)
    assert levels.dtype == torch.int64


@given(st.floats(60, 200))
def test_a_box_of_twice_the_side_is_one_level_up(side):
    assert level_of(2 * side) == level_of(side) + 1
