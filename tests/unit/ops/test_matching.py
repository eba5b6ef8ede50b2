import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.ops import match_boxes

QUALITY = torch.tensor([[0.9, 0.5, 0.1, 0.2], [0.2, 0.6, 0.3, 0.1]])
RPN = {"thresholds": (0.3, 0.7), "labels": (0, -1, 1)}


def test_every_box_is_matched_with_the_object_that_fits_best():
    assert match_boxes(QUALITY, **RPN).indices.tolist() == [0, 1, 1, 0]


def test_thresholds_decide_on_labels_and_belong_to_the_interval_above():
    assert match_boxes(QUALITY, **RPN).labels.tolist() == [1, -1, -1, 0]
    assert match_boxes(QUALITY, (0.5,), (0, 1)).labels.tolist() == [1, 1, 0, 0]


def test_the_best_boxes_of_an_object_are_positive_when_low_quality_is_allowed():
    quality = torch.tensor([[0.1, 0.2, 0.2], [0.8, 0.1, 0.0]])
    found = match_boxes(quality, **RPN, allow_low_quality_matches=True)
    assert found.labels.tolist() == [1, 1, 1]
    assert found.indices.tolist() == [1, 0, 0]


def test_a_box_that_is_best_for_one_object_may_stay_matched_with_another():
    quality = torch.tensor([[0.4, 0.1], [0.6, 0.0]])
    found = match_boxes(quality, **RPN, allow_low_quality_matches=True)
    assert found.labels.tolist() == [1, 0]
    assert found.indices.tolist() == [1, 0]


def test_boxes_that_fit_nearly_as_well_as_the_best_are_positive_within_a_tolerance():
    quality = torch.tensor([[0.2, 0.2 * (1 - 1e-5), 0.2 * (1 - 1e-3)]])
    exact = match_boxes(quality, **RPN, allow_low_quality_matches=True)
    assert exact.labels.tolist() == [1, 0, 0]
    found = match_boxes(quality, **RPN, allow_low_quality_matches=True, tolerance=1e-4)
    assert found.labels.tolist() == [1, 1, 0]


def test_the_first_of_objects_that_fit_equally_well_is_the_match():
    quality = torch.tensor([[0.5, 0.5], [0.5 * (1 + 1e-6), 0.6]])
    assert match_boxes(quality, **RPN).indices.tolist() == [1, 1]
    assert match_boxes(quality, **RPN, tolerance=1e-5).indices.tolist() == [0, 1]


@pytest.mark.parametrize("allow", [False, True])
def test_without_objects_all_boxes_have_the_lowest_label(allow):
    found = match_boxes(torch.zeros(0, 3), **RPN, allow_low_quality_matches=allow)
    assert found.indices.tolist() == [0, 0, 0]
    assert found.labels.tolist() == [0, 0, 0]


@pytest.mark.parametrize("num_objects", [0, 2])
def test_there_may_be_no_boxes(num_objects):
    quality = torch.zeros(num_objects, 0)
    found = match_boxes(quality, **RPN, allow_low_quality_matches=True)
    assert len(found.indices) == len(found.labels) == 0


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20))
def test_labels_never_fall_with_the_quality(row):
    quality = torch.tensor([sorted(row)])
    labels = match_boxes(quality, (0.3, 0.7), (-1, 0, 1)).labels.tolist()
    assert labels == sorted(labels)


@pytest.mark.parametrize(
    ("thresholds", "labels"), [((0.7, 0.3), (0, -1, 1)), ((0.5,), (0,)), ((0.5,), (0, 2))]
)
def test_thresholds_and_labels_must_fit(thresholds, labels):
    with pytest.raises(ValueError, match="hresholds"):
        match_boxes(QUALITY, thresholds, labels)
