"""Excerpts point at the right characters, whatever stands before them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.documents import Place, Problem, ProblemLog
from composer.errors import SpecError


@given(st.text("abc {}:", max_size=400), st.text("xyz", min_size=1, max_size=20), st.text("abc "))
def test_the_marker_stands_under_what_is_meant(before, word, after):
    excerpt, marker = (
        Place("s", 3, len(before) + 1, len(word), before + word + after).excerpt().splitlines()
    )
    shown = excerpt[marker.index("^") : marker.rindex("^") + 1]
    assert word.startswith(shown)
    assert shown
    assert len(excerpt) < 190


@pytest.mark.parametrize(
    ("before", "cells"),
    [("a: ", 3), ("a:\t", 3), ("名前: ", 6), ("e\u0301: ", 3), ("\u200b: ", 2)],
)
def test_tabs_wide_and_combining_characters_take_the_room_they_take(before, cells):
    excerpt, marker = Place("s", 1, len(before) + 1, 4, f"{before}word").excerpt().splitlines()
    margin = excerpt.index("|") + 2
    assert marker == " " * (margin + cells) + "^^^^"
    assert "\t" not in excerpt


def test_a_place_without_a_line_has_a_name_and_no_excerpt():
    place = Place("--set", pointer="depth=x")
    assert (str(place), place.excerpt()) == ("--set depth=x", "")


def test_one_problem_in_both_modes_counts_once_and_places_order_them():
    log = ProblemLog()
    assert not log
    for line, column, hint in ((2, 9, ""), (1, 1, ""), (2, 3, "one"), (2, 3, "two")):
        log.add(Place("s", line, column, 1, "text text text"), "wrong", hint)
    with pytest.raises(SpecError) as caught:
        log.raise_any()
    places = [(problem.place.line, problem.place.column) for problem in caught.value.problems]
    assert places == [(1, 1), (2, 3), (2, 9)]
    assert caught.value.problems[1].hint == "one"


def test_a_long_message_is_wrapped_with_its_parts_in_order():
    problem = Problem(
        Place("s.yaml", 7, 1, 2, "ab"), "word " * 30, "hint " * 30, Place("o.yaml", 1, 2)
    )
    lines = problem.render().splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith("s.yaml:7:1: word")
    assert "    The value comes from o.yaml:1:2." in lines
    assert lines[-1].startswith("    hint")
