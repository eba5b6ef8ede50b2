"""Pascal VOC's average precision on cases that were counted by hand."""

import math

import numpy as np
import pytest

from composer.evaluation.voc_precision import FoundObject, TrueObjects, average_precision

LEFT, RIGHT, FAR = (0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0), (50.0, 50.0, 60.0, 60.0)


def objects(*boxes, difficult=()):
    marks = np.array([at in difficult for at in range(len(boxes))])
    return TrueObjects(np.array(boxes), marks)


def test_right_wrong_right_gives_both_kinds_of_area():
    truth = {0: objects(LEFT, RIGHT)}
    found = [FoundObject(0, 0.9, LEFT), FoundObject(0, 0.8, FAR), FoundObject(0, 0.7, RIGHT)]
    # Precision 1 up to a recall of 1/2, then 2/3.
    assert average_precision(truth, found, 0.5) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(truth, found, 0.5, "11point") == pytest.approx((6 + 5 * 2 / 3) / 11)


def test_object_found_twice_is_right_once():
    found = [FoundObject(0, 0.9, LEFT), FoundObject(0, 0.8, LEFT), FoundObject(0, 0.7, RIGHT)]
    truth = {0: objects(LEFT, RIGHT)}
    assert average_precision(truth, found, 0.5) == pytest.approx((1 + 2 / 3) / 2)


def test_difficult_objects_are_neither_missed_nor_wrong():
    truth = {0: objects(LEFT, RIGHT, difficult=[0])}
    assert average_precision(truth, [FoundObject(0, 0.9, RIGHT)], 0.5) == 1.0
    found = [FoundObject(0, 0.9, LEFT), FoundObject(0, 0.8, RIGHT)]
    assert average_precision(truth, found, 0.5) == 1.0


def test_overlap_must_be_more_than_the_least():
    half = (0.0, 0.0, 5.0, 10.0)
    truth = {0: objects(LEFT)}
    assert average_precision(truth, [FoundObject(0, 0.9, half)], 0.5) == 0.0
    assert average_precision(truth, [FoundObject(0, 0.9, half)], 0.49) == 1.0


def test_images_are_told_apart():
    truth = {0: objects(LEFT), 1: objects(RIGHT)}
    found = [FoundObject(0, 0.9, RIGHT), FoundObject(2, 0.8, LEFT)]
    assert average_precision(truth, found, 0.5) == 0.0


def test_without_objects_nothing_is_defined():
    assert math.isnan(average_precision({}, [FoundObject(0, 0.9, LEFT)], 0.5))
    assert math.isnan(average_precision({0: objects(LEFT, difficult=[0])}, [], 0.5))
    assert average_precision({0: objects(LEFT)}, [], 0.5) == 0.0
