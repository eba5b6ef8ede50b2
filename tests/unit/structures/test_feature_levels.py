import pytest

from composer.structures import (
    TensorShape,
    find_channels,
    find_pyramid_strides,
    find_strides,
    get_channels,
    pick_levels,
    repeat_for_levels,
)

SHAPES = {
    "p3": TensorShape(channels=8, stride=8),
    "p4": TensorShape(channels=8, stride=16),
    "p5": TensorShape(channels=9),
}


def test_all_levels_are_worked_on_unless_some_are_named():
    assert pick_levels(SHAPES, None) == ("p3", "p4", "p5")
    assert pick_levels(SHAPES, ("p4", "p3")) == ("p4", "p3")


def test_levels_that_do_not_exist_are_named_with_those_that_do():
    with pytest.raises(ValueError, match="no level p9, q1, only p3, p4, p5"):
        pick_levels(SHAPES, ("p3", "p9", "q1"))


@pytest.mark.parametrize(("shapes", "names"), [(SHAPES, ()), ({}, None)])
def test_there_must_be_a_level_to_work_on(shapes, names):
    with pytest.raises(ValueError, match="none is named"):
        pick_levels(shapes, names)


def test_levels_of_equal_channels_have_one_number_of_channels():
    assert find_channels(SHAPES, ("p3", "p4")) == 8


@pytest.mark.parametrize("names", [("p3", "p5"), ("p6",), ("p3", "p6")])
def test_channels_that_differ_or_are_not_known_are_refused(names):
    with pytest.raises(ValueError, match="must have the same"):
        find_channels({**SHAPES, "p6": TensorShape()}, names)


def test_strides_come_level_by_level():
    assert find_strides(SHAPES, ("p4", "p3")) == [16, 8]


def test_a_stride_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="stride of level 'p5' is not known"):
        find_strides(SHAPES, ("p3", "p5"))


def test_the_strides_of_a_pyramid_double():
    assert find_pyramid_strides(SHAPES, ("p3", "p4")) == [8, 16]
    with pytest.raises(ValueError, match=r"strides double, these are \[16, 8\] \(p4, p3\)"):
        find_pyramid_strides(SHAPES, ("p4", "p3"))


def test_a_single_value_serves_all_levels():
    assert repeat_for_levels([7], 3, "sizes") == [7, 7, 7]
    assert repeat_for_levels([7, 8], 2, "sizes") == [7, 8]
    with pytest.raises(ValueError, match="sizes are given for 2 levels, but there are 3"):
        repeat_for_levels([7, 8], 3, "sizes")


def test_channels_must_be_known():
    shapes = {"p3": TensorShape(16), "p4": TensorShape(stride=16)}
    assert get_channels(shapes, "p3") == 16
    with pytest.raises(ValueError, match="channels of 'p4' is not known"):
        get_channels(shapes, "p4")
