"""Values of JSON are read exactly, and what is none of a kind is told."""

import math

import pytest

from composer.data.faults import BadPart
from composer.data.json_values import (
    are_numbers,
    as_id,
    as_integer,
    as_name,
    describe_missing_id,
    show_value,
    to_flag,
    to_id,
    to_integer,
    to_number,
)

NONE_OF_ALL = [None, True, "1", [1], {}, math.nan, math.inf]


@pytest.mark.parametrize(
    ("value", "found"), [(1, 1), (1.0, 1), (-3.0, -3), (0, 0), (10**30, 10**30)]
)
def test_whole_numbers_may_have_a_point(value, found):
    assert as_integer(value) == found
    assert type(as_integer(value)) is int
    assert to_integer(value, "key") == found


@pytest.mark.parametrize("value", [*NONE_OF_ALL, 1.5, 1e300])
def test_what_is_no_whole_number_is_told_with_its_key(value):
    assert as_integer(value) is None
    with pytest.raises(BadPart, match="'id' is a whole number, not "):
        to_integer(value, "id")


def test_the_lowest_number_is_told():
    assert to_integer(1.0, "width", lowest=1) == 1
    with pytest.raises(BadPart, match="'width' is a whole number from 1 on, not 0"):
        to_integer(0, "width", lowest=1)


@pytest.mark.parametrize("value", [*NONE_OF_ALL, 10**400])
def test_what_is_no_number_is_told(value):
    assert not are_numbers([0, value])
    with pytest.raises(BadPart, match="'score' is a number, not "):
        to_number(value, "score")


def test_numbers_are_lists_of_numbers():
    assert are_numbers([1, 2.5, -3])
    assert are_numbers([])
    assert not are_numbers("12")
    assert not are_numbers(b"12")
    assert not are_numbers(12)
    assert not are_numbers({1: 2})


@pytest.mark.parametrize("value", ["0", "false", "true", "", 2, -1, 0.5, [], {}, math.nan])
def test_a_text_is_never_a_truth(value):
    with pytest.raises(BadPart, match="'iscrowd' is 0 or 1, true or false, not "):
        to_flag({"iscrowd": value}, "iscrowd", False)


def test_truths_and_their_absence():
    assert [to_flag({"a": one}, "a", None) for one in (1, 0, True, False, 1.0, 0.0)] == [
        True, False, True, False, True, False,
    ]  # fmt: skip
    assert to_flag({}, "a", None) is None
    assert to_flag({"a": None}, "a", True) is True


def test_ids_are_whole_numbers_or_texts():
    assert [as_id(one) for one in (1, 1.0, "1", True, None)] == [1, 1, "1", None, None]
    with pytest.raises(BadPart, match="'image_id' is a whole number or a text, not True"):
        to_id(True, "image_id")


def test_numbers_are_names_and_other_values_are_not():
    assert [as_name(one) for one in (1, "1", 1.5, " ", True, None, math.nan)] == [
        "1", "1", "1.5", None, None, None, None,
    ]  # fmt: skip


def test_an_id_of_another_kind_is_hinted_at():
    assert describe_missing_id("1", {1: 0}) == "Ids are numbers here: 1, without quotes."
    assert describe_missing_id(1, {"1": 0}) == 'Ids are texts here: "1", in quotes.'
    assert describe_missing_id("2", {1: 0}) == ""
    assert describe_missing_id("²", {2: 0}) == ""


def test_values_in_messages_are_cut():
    assert show_value("a") == "'a'"
    assert len(show_value("a" * 1000)) == 60
    assert show_value(10**5000) == "a number of thousands of digits"
