"""Panoptic quality on cases that were counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from composer.evaluation.panoptic_quality import Quality, compare_segments

CAT, DOG, SKY = (True, 0), (True, 1), (False, 1)


def row(text):
    return np.array([[int(character) for character in text]])


def test_segment_that_is_covered_by_more_than_half_matches():
    counts = compare_segments(row("1111000000"), {1: CAT}, row("1110000000"), {1: CAT})
    assert counts == {CAT: Quality(overlap=0.75, matched=1)}
    assert counts[CAT].panoptic == counts[CAT].segmentation == 0.75
    assert counts[CAT].recognition == 1.0


def test_segment_that_is_covered_by_half_does_not_match():
    counts = compare_segments(
        row("1111222222"), {1: CAT, 2: SKY}, row("1122222222"), {1: CAT, 2: SKY}
    )
    assert counts[CAT] == Quality(missed=1, invented=1)
    assert counts[SKY] == Quality(overlap=6 / 8, matched=1)


def test_matches_misses_and_inventions_make_the_quality():
    truth, found = row("1111222233334444"), row("1111222255550044")
    of_truth = {1: CAT, 2: CAT, 3: CAT, 4: SKY}
    counts = compare_segments(truth, of_truth, found, {1: CAT, 2: CAT, 5: DOG, 4: SKY})
    assert counts[CAT] == Quality(overlap=2.0, matched=2, missed=1)
    assert counts[CAT].panoptic == pytest.approx(2 / 2.5)
    assert counts[DOG] == Quality(invented=1)
    assert counts[SKY] == Quality(missed=1, invented=1)


def test_void_pixels_of_a_prediction_do_not_count_for_its_overlap():
    counts = compare_segments(row("0000001111"), {1: CAT}, row("0000111111"), {1: CAT})
    assert counts == {CAT: Quality(overlap=1.0, matched=1)}


def test_prediction_that_is_mostly_void_is_passed_over():
    counts = compare_segments(row("0000111111"), {1: SKY}, row("2220111111"), {1: SKY, 2: CAT})
    assert counts == {SKY: Quality(overlap=1.0, matched=1)}
    counts = compare_segments(row("0000111111"), {1: SKY}, row("0022221111"), {1: SKY, 2: CAT})
    assert counts[CAT] == Quality(invented=1)


def test_crowd_is_never_missed_and_excuses_its_own_class_only():
    truth, classes = row("1111112222"), {1: CAT, 2: SKY}
    crowds = frozenset({1})
    assert CAT not in compare_segments(truth, classes, row("0000002222"), {2: SKY}, crowds)
    found = compare_segments(truth, classes, row("3330002222"), {2: SKY, 3: CAT}, crowds)
    assert CAT not in found
    found = compare_segments(truth, classes, row("3330002222"), {2: SKY, 3: DOG}, crowds)
    assert found[DOG] == Quality(invented=1)


def test_crowd_matches_nothing():
    counts = compare_segments(row("1111"), {1: CAT}, row("1111"), {1: CAT}, frozenset({1}))
    assert counts == {}


def test_ids_without_a_class_are_void():
    counts = compare_segments(row("9999111111"), {1: CAT}, row("1111117777"), {1: CAT})
    assert counts == {CAT: Quality(missed=1, invented=0)}


def test_things_and_stuff_of_one_index_are_different_classes():
    counts = compare_segments(row("1111"), {1: (True, 1)}, row("1111"), {1: (False, 1)})
    assert counts == {(True, 1): Quality(missed=1), (False, 1): Quality(invented=1)}


def test_ids_may_be_as_large_as_colours_or_negative():
    ids, large = row("1111222200"), 256**3 - 1
    truth, found = np.choose(ids, [0, 7, large]), np.choose(ids, [-9, large, -(2**31)])
    counts = compare_segments(
        truth, {7: CAT, large: SKY}, found.astype(np.int32), {large: CAT, -(2**31): SKY}
    )
    assert counts == {of: Quality(overlap=1.0, matched=1) for of in (CAT, SKY)}


@given(arrays(np.int64, (6, 8), elements=st.integers(0, 4)))
def test_truth_as_prediction_has_a_quality_of_one(ids):
    classes = {1: CAT, 2: CAT, 3: DOG, 4: SKY}
    counts = compare_segments(ids, classes, ids, classes)
    assert set(counts) == {classes[id_] for id_ in np.unique(ids) if id_}
    assert all(quality.panoptic == 1.0 for quality in counts.values())
    assert sum(quality.matched for quality in counts.values()) == len(np.unique(ids[ids > 0]))


@given(
    arrays(np.int64, (5, 6), elements=st.integers(0, 3)),
    arrays(np.int64, (5, 6), elements=st.integers(0, 3)),
)
def test_qualities_lie_between_zero_and_one_and_every_segment_is_counted_once(truth, found):
    classes = {1: CAT, 2: DOG, 3: SKY}
    for of, quality in compare_segments(truth, classes, found, classes).items():
        assert 0.0 <= quality.panoptic <= quality.recognition <= 1.0
        assert 0.0 <= quality.segmentation <= 1.0
        is_there = any((truth == id_).any() for id_, name in classes.items() if name == of)
        assert quality.matched + quality.missed == int(is_there)
