from hypothesis import given
from hypothesis import strategies as st

from composer.visualization.label_placement import place_label

SIZES = st.tuples(st.floats(1, 60), st.floats(1, 20))
PLACES = st.floats(-50, 250)


def overlap(first, second):
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return max(width, 0) * max(height, 0)


def test_a_label_stands_above_the_upper_left_corner():
    assert place_label((30, 10), (50, 60, 90, 90), (200, 100), []) == (50, 50, 80, 60)


def test_a_label_stands_inside_where_there_is_no_room_above():
    assert place_label((30, 10), (50, 0, 90, 90), (200, 100), []) == (50, 0, 80, 10)


def test_a_label_makes_way_for_another():
    first = place_label((30, 10), (50, 60, 90, 90), (200, 100), [])
    second = place_label((30, 10), (52, 60, 92, 90), (200, 100), [first])
    assert overlap(first, second) == 0


def test_a_centered_label_stands_in_the_middle():
    assert place_label((30, 10), (50, 60, 50, 60), (200, 100), [], centered=True) == (
        35,
        55,
        65,
        65,
    )


def test_where_all_is_taken_the_label_covers_as_little_as_can_be():
    taken = [(0.0, 0.0, 200.0, 95.0)]
    place = place_label((30, 10), (50, 20, 90, 100), (200, 100), taken)
    assert overlap(place, taken[0]) == 30 * 5


@given(SIZES, PLACES, PLACES, PLACES, PLACES, st.booleans())
def test_a_label_is_inside_the_visualization(size, x0, y0, x1, y1, centered):
    box = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    left, top, right, bottom = place_label(size, box, (200, 100), [], centered=centered)
    assert left >= 0
    assert top >= 0
    assert right <= 200.001
    assert bottom <= 100.001
