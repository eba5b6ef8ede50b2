"""Files of one folder have different names, whatever they are asked to be called."""

import sys

from composer.visualization import FileNames


def test_files_of_one_name_are_told_apart_by_numbers():
    names = FileNames()
    asked = [("a", ".jpg"), ("a", ".jpg"), ("a", ".png"), ("b", ".jpg"), ("a", ".jpg")]
    assert [names.choose(*each) for each in asked] == [
        "a.jpg",
        "a-2.jpg",
        "a.png",
        "b.jpg",
        "a-3.jpg",
    ]


def test_a_number_that_some_file_has_already_is_left_out():
    names = FileNames()
    asked = ["a-2", "a", "a", "a-2", "a"]
    assert [names.choose(stem, "") for stem in asked] == ["a-2", "a", "a-3", "a-2-2", "a-4"]


def test_names_that_are_taken_are_not_given_in_either_case():
    names = FileNames(["IMG.JPG"])
    assert [names.choose("IMG", ".jpg"), names.choose("img", ".jpg")] == ["IMG-2.jpg", "img-3.jpg"]


def test_many_files_of_one_name_take_a_few_steps_each():
    names, steps = FileNames(), 0

    def count(_frame, _event, _argument):
        nonlocal steps
        steps += 1
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        given = {names.choose("a", ".jpg") for _ in range(100)}
    finally:
        sys.settrace(before)
    assert len(given) == 100
    assert steps < 1500  # lines; to try all numbers anew takes 10,000
