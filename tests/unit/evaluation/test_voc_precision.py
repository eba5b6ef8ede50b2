"""Pascal VOC's average precision on cases that were counted by hand."""

import math
import random

import numpy as np
import pytest

from composer.evaluation.voc_precision import (
    FoundObject,
    TrueObjects,
    average_precision,
    rank_detections,
)

LEFT, RIGHT, FAR = (0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0), (50.0, 50.0, 60.0, 60.0)


def objects(*boxes, difficult=()):
    marks = np.array([at in difficult for at in range(len(boxes))])
    return TrueObjects(np.array(boxes), marks)


def measure(truth, found, min_overlap, interpolation="area"):
    return average_precision(rank_detections(truth, found), min_overlap, interpolation)


def test_right_wrong_right_gives_both_kinds_of_area():
    truth = {0: objects(LEFT, RIGHT)}
    found = [FoundObject(0, 0.9, LEFT), FoundObject(0, 0.8, FAR), FoundObject(0, 0.7, RIGHT)]
    # Precision 1 up to a recall of 1/2, then 2/3.
    assert measure(truth, found, 0.5) == pytest.approx((1 + 2 / 3) / 2)
    assert measure(truth, found, 0.5, "11point") == pytest.approx((6 + 5 * 2 / 3) / 11)


def test_object_found_twice_is_right_once():
    found = [FoundObject(0, 0.9, LEFT), FoundObject(0, 0.8, LEFT), FoundObject(0, 0.7, RIGHT)]
    truth = {0: objects(LEFT, RIGHT)}
    assert measure(truth, found, 0.5) == pytest.approx((1 + 2 / 3) / 2)


def test_difficult_objects_are_neither_missed_nor_wrong():
    truth = {0: objects(LEFT, RIGHT, difficult=[0])}
    assert measure(truth, [FoundObject(0, 0.9, RIGHT)], 0.5) == 1.0
    found = [FoundObject(0, 0.9, LEFT), FoundObject(0, 0.8, RIGHT)]
    assert measure(truth, found, 0.5) == 1.0


def test_overlap_must_be_more_than_the_least():
    half = (0.0, 0.0, 5.0, 10.0)
    truth = {0: objects(LEFT)}
    assert measure(truth, [FoundObject(0, 0.9, half)], 0.5) == 0.0
    assert measure(truth, [FoundObject(0, 0.9, half)], 0.49) == 1.0


def test_images_are_told_apart():
    truth = {0: objects(LEFT), 1: objects(RIGHT)}
    found = [FoundObject(0, 0.9, RIGHT), FoundObject(2, 0.8, LEFT)]
    assert measure(truth, found, 0.5) == 0.0


def count_plainly(truth, found, min_overlap):
    """Right and wrong detections, one by one, and the area below their precision."""
    taken, marks = set(), []
    for one in sorted(found, key=lambda one: -one.score):
        true = truth.get(one.image, objects())
        overlaps = [overlap_of(one.box, box) for box in true.boxes.tolist()]
        best = max(range(len(overlaps)), key=lambda at: (overlaps[at], -at), default=None)
        is_hit = best is not None and overlaps[best] > min_overlap
        if not (is_hit and true.is_difficult[best]):
            marks.append(is_hit and (one.image, best) not in taken)
        if is_hit:
            taken.add((one.image, best))
    total = sum(int((~true.is_difficult).sum()) for true in truth.values())
    precision = [sum(marks[: at + 1]) / (at + 1) for at in range(len(marks))]
    area = sum(max(precision[at:]) for at, is_right in enumerate(marks) if is_right)
    return area / total if total else math.nan


def overlap_of(a, b):
    shared = [max(min(a[at + 2], b[at + 2]) - max(a[at], b[at]), 0) for at in (0, 1)]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    inter = shared[0] * shared[1]
    return inter / (sum(areas) - inter)


@pytest.mark.parametrize("seed", range(8))
def test_metrics_are_those_of_counting_one_by_one(seed):
    draw = random.Random(seed)

    def box():
        x, y = draw.randrange(12), draw.randrange(12)
        return (x, y, x + draw.randrange(4, 9), y + draw.randrange(4, 9))

    truth = {
        image: objects(*(box() for _ in range(3)), difficult=[draw.randrange(6)])
        for image in (0, 2, 3)
    }
    found = [FoundObject(draw.randrange(4), draw.randrange(9) / 9, box()) for _ in range(60)]
    ranked = rank_detections(truth, found)
    for min_overlap in (0.1, 0.3, 0.5):
        expected = count_plainly(truth, found, min_overlap)
        assert average_precision(ranked, min_overlap) == pytest.approx(expected)


def test_without_objects_nothing_is_defined():
    assert math.isnan(measure({}, [FoundObject(0, 0.9, LEFT)], 0.5))
    assert math.isnan(measure({0: objects(LEFT, difficult=[0])}, [], 0.5))
    assert measure({0: objects(LEFT)}, [], 0.5) == 0.0
