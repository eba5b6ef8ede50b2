import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.draw.attachment import fit_ascending
from composer.draw.placement import Distance, project

PLACES = st.lists(st.floats(-100, 100), min_size=1, max_size=8)


@given(PLACES)
def test_ascending_numbers_are_ascending_and_keep_their_sum(wishes):
    found = fit_ascending(wishes)
    assert found == sorted(found)
    assert sum(found) == pytest.approx(sum(wishes), abs=1e-6)


@given(PLACES)
def test_wishes_in_order_are_met(wishes):
    assert fit_ascending(sorted(wishes)) == sorted(wishes)


def test_two_wishes_in_the_wrong_order_meet_in_the_middle():
    assert fit_ascending([0, 3, 1, 9]) == [0, 2, 2, 9]


def test_projection_keeps_distances_and_moves_the_light_one_more():
    pushes = [0.0]
    distances = [Distance(0, 1, 10.0)]
    places = project([0.0, 4.0], [1.0, 2.0], distances, pushes)
    assert places == pytest.approx([-4.0, 6.0])
    assert project([0.0, 4.0], [1.0, 2.0], distances, pushes) == pytest.approx(places)


def test_projection_leaves_what_is_far_enough_apart():
    assert project([0.0, 40.0], [1.0, 1.0], [Distance(0, 1, 10.0)], [0.0]) == [0.0, 40.0]
