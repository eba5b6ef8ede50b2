"""Differences of outputs: errors of tensors, and how detections match."""

import math

import pytest
import torch

from composer.benchmarking import compare_values
from composer.structures import Boxes, Instances, RotatedBoxes

BOXES = torch.tensor([[0.0, 0, 10, 10], [20, 20, 40, 40], [50, 0, 60, 10]])


def detections(boxes=BOXES, scores=(0.9, 0.8, 0.7), classes=(0, 1, 1)):
    return Instances(
        (80, 80),
        pred_boxes=Boxes(boxes),
        scores=torch.tensor(scores),
        pred_classes=torch.tensor(classes),
    )


def test_the_largest_error_is_relative_to_the_maximum():
    (found,) = compare_values(torch.tensor([-4.0, 1.0]), torch.tensor([-4.0, 1.5]), name="p2")
    assert (found.output, found.largest, found.maximum, found.relative) == ("p2", 0.5, 4.0, 0.125)
    assert str(found) == "1.2e-01 of the maximum"


@pytest.mark.parametrize(
    ("one", "other", "largest"),
    [
        ([0.0, 0.0], [0.0, 0.5], 0.5),
        ([math.inf, 1.0], [math.inf, 1.0], 0.0),
        ([1.0, 1.0], [1.0, math.nan], math.inf),
        ([1.0, 1.0], [math.inf, 1.0], math.inf),
        ([], [], 0.0),
    ],
)
def test_numbers_that_are_none_are_the_largest_error(one, other, largest):
    (found,) = compare_values(torch.tensor(one), torch.tensor(other))
    assert found.largest == largest


def test_each_output_of_a_list_of_images_is_compared_by_itself():
    one = [{"a": torch.ones(2), "b": torch.zeros(1)}, {"a": torch.ones(2), "b": torch.zeros(1)}]
    other = [
        {"a": torch.ones(2), "b": torch.zeros(1)},
        {"a": 2 * torch.ones(2), "b": torch.ones(1)},
    ]
    assert [(d.output, d.largest) for d in compare_values(one, other)] == [("a", 1.0), ("b", 1.0)]


def test_other_shapes_and_missing_outputs_are_said():
    (found,) = compare_values({"a": torch.ones(2)}, {"a": torch.ones(3)})
    assert (found.relative, found.remark) == (None, "shapes differ")
    (found,) = compare_values({"a": torch.ones(2)}, {})
    assert found.remark == "shapes differ"


def test_equal_detections_match_in_any_order():
    order = [2, 0, 1]
    (found,) = compare_values([{"instances": detections()}], [{"instances": detections()[order]}])
    match = found.matching
    assert (match.num_expected, match.num_found, match.num_matched, match.min_iou) == (3, 3, 3, 1.0)
    assert match.max_score_difference == 0
    assert found.relative is None
    assert str(found) == "3 of 3 detections matched, IoU of 1.0000, score within 0.0e+00"


def test_detections_match_by_class_iou_and_score():
    moved = BOXES + torch.tensor([[0.0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    (found,) = compare_values(
        detections(), detections(moved, scores=(0.9, 0.8, 0.5), classes=(0, 0, 1))
    )
    match = found.matching
    assert (match.num_paired, match.num_matched) == (2, 0)
    assert match.min_iou == pytest.approx(10 / 11)
    assert match.max_score_difference == pytest.approx(0.2)


def test_a_detection_pairs_once():
    twice = detections(BOXES[[0, 0]], (0.9, 0.8), (0, 0))
    (found,) = compare_values(twice, detections(BOXES[:1], (0.9,), (0,)))
    assert (found.matching.num_paired, found.matching.num_found) == (1, 1)


def test_no_detections_match_none():
    empty = detections(torch.zeros(0, 4), (), torch.zeros(0, dtype=torch.int64).tolist())
    (found,) = compare_values(empty, detections())
    assert (found.matching.num_expected, found.matching.num_found) == (0, 3)
    assert str(found) == "0 of 0 detections matched, 3 found"


def test_rotated_detections_match():
    boxes = RotatedBoxes(torch.tensor([[10.0, 10, 8, 4, 30]]))
    one = Instances(
        (80, 80), pred_boxes=boxes, scores=torch.ones(1), pred_classes=torch.zeros(1).long()
    )
    (found,) = compare_values(one, one)
    assert found.matching.num_matched == 1
