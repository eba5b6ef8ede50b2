"""Values have the kind of detectron2's default, in lists too."""

import pytest

from composer.importing.kinds import read_value

SIZES = "MODEL.ANCHOR_GENERATOR.SIZES"


@pytest.mark.parametrize(
    ("value", "default"),
    [
        (2, 1),
        (2, 1.0),
        ([0.5, 2], [30000]),
        ([], [1.0]),
        (["a"], []),
        ([[1.0, 2]], [[10, 20]]),
        ("x", ""),
        (0.1, None),
        (True, False),
    ],
)
def test_a_value_of_the_same_kind_is_taken(value, default):
    assert read_value("A.B", value, default) == value


@pytest.mark.parametrize(
    ("value", "default", "message"),
    [
        ("deep", 50, "a whole number was expected, like 50"),
        (50.5, 50, "a whole number was expected"),
        (True, 50, "a whole number was expected"),
        (1, False, "true or false was expected"),
        (None, 1.0, "a number was expected"),
        ("res4", ["res4"], "a list of texts was expected"),
        ([4], ["res4"], "a list of texts was expected"),
        ([1.0, "a"], [1.0, 1.0], "a list of numbers was expected"),
        ([1, True], [0, -1], "a list of numbers was expected"),
        ([0, 1], [False, False], "a list of true or false was expected"),
        ([[1], 2], [[1.0], [2.0]], "a list of lists of numbers was expected"),
        ([["a"]], [[1.0]], "a list of lists of numbers was expected"),
        (1, [], "a list was expected"),
    ],
)
def test_one_of_another_kind_is_refused_with_what_is_right(value, default, message):
    with pytest.raises(ValueError, match=message):
        read_value("A.B", value, default)


def test_no_text_is_an_empty_one():
    assert read_value("MODEL.WEIGHTS", None, "") == ""


def test_one_list_of_anchors_serves_all_levels():
    assert read_value(SIZES, [32, 64], [[32]]) == [[32, 64]]
    with pytest.raises(ValueError, match="a list of lists of numbers"):
        read_value("MODEL.ROI_BOX_CASCADE_HEAD.BBOX_REG_WEIGHTS", [32, 64], [[32]])
