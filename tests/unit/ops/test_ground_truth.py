import pytest
import torch

from composer.ops import check_truth_boxes, check_truth_classes
from composer.structures import Boxes, RotatedBoxes


@pytest.mark.parametrize(
    "boxes", [Boxes([[0.0, 0.0, 1.0, 1.0]]), Boxes([]), RotatedBoxes([[5.0, 5.0, 1.0, 0.1, 30.0]])]
)
def test_boxes_with_an_area_and_none_at_all_are_fit(boxes):
    check_truth_boxes(boxes)


@pytest.mark.parametrize(
    "row", [[3.0, 4.0, 3.0, 9.0], [3.0, 4.0, 2.0, 9.0], [0.0, 0.0, 1.0, float("nan")]]
)
def test_a_box_without_area_is_named(row):
    with pytest.raises(ValueError, match="the box of object 1 of 2 in an image"):
        check_truth_boxes(Boxes([[0.0, 0.0, 1.0, 1.0], row]))


def test_classes_are_those_there_are_or_left_out():
    check_truth_classes(torch.tensor([0, 2, -1]), 3)
    check_truth_classes(torch.tensor([], dtype=torch.int64), 3)


@pytest.mark.parametrize("found", [3, 7, -2])
def test_a_class_that_there_is_not_is_refused(found):
    with pytest.raises(ValueError, match="num_classes is 3: classes are counted from 0 to 2"):
        check_truth_classes(torch.tensor([0, found]), 3)
