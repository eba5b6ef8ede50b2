"""Comparison of a file's outputs with those of the graph."""

import math

import pytest
import torch

from composer.errors import ExportError
from composer.exporting.checking import (
    CheckedOutput,
    _compare,
    _join,
    describe_check,
    require_agreement,
)

BOXES = torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 40], [5, 5, 6, 9]])


def outputs(order=(0, 1, 2), boxes=BOXES):
    rows = list(order)
    return {
        "detections.boxes": boxes[rows],
        "detections.scores": torch.tensor([0.9, 0.8, 0.7])[rows],
        "detections.classes": torch.tensor([1, 2, 1])[rows],
    }


def test_rows_in_another_order_are_the_same_detections():
    checked = _compare(outputs(), outputs((2, 0, 1)))
    assert [each.error for each in checked] == [0, 0, 0]
    assert {each.unmatched for each in checked} == {0}


def test_rows_of_another_class_or_place_are_others():
    found = outputs()
    found["detections.classes"] = torch.tensor([1, 2, 0])
    assert {each.unmatched for each in _compare(outputs(), found)} == {1}
    moved = outputs(boxes=BOXES + torch.tensor([0.0, 0, 3, 0]))
    assert {each.unmatched for each in _compare(outputs(), moved)} == {3}


def test_one_row_of_a_hundred_may_be_another():
    require_agreement([CheckedOutput("boxes", 0.0, 1, 100)], 1e-3)
    with pytest.raises(ExportError, match="2 of 100 rows differ"):
        require_agreement([CheckedOutput("boxes", 0.0, 2, 100)], 1e-3)


def test_other_shapes_and_what_is_no_number_are_errors():
    (checked,) = _compare({"a": torch.ones(2)}, {"a": torch.ones(3)})
    assert checked.error == math.inf
    (checked,) = _compare({"a": torch.ones(2)}, {"a": torch.tensor([1.0, math.nan])})
    with pytest.raises(ExportError, match="a: largest error nan"):
        require_agreement([checked], 1e-3)


def test_no_detections_agree_with_none():
    none = {name: value[:0] for name, value in outputs().items()}
    empty = _compare(none, none)
    assert [each.error for each in empty] == [0, 0, 0]
    assert describe_check(empty[0]) == (
        "detections.boxes: largest error 0, for it was empty in all runs"
    )
    assert not any(each.is_empty for each in map(_join, empty, _compare(outputs(), outputs())))
    assert {each.unmatched for each in _compare(outputs(), none)} == {3}


def test_counts_may_differ_by_a_little_and_labels_in_few_places():
    counts = torch.tensor([100_000, 20])
    (checked,) = _compare({"areas": counts}, {"areas": counts + torch.tensor([3, 0])})
    assert checked.error == pytest.approx(3e-5)
    labels = torch.zeros(100, 100, dtype=torch.int64)
    found = labels.clone()
    found[0, 0] = 7
    (checked,) = _compare({"labels": labels}, {"labels": found})
    assert checked.error == pytest.approx(1e-4)
