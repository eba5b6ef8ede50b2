"""Which kind boxes are, and the factors of their offsets."""

import pytest
import torch

from composer.ops import ROTATED, UPRIGHT, find_box_kind
from composer.structures import Boxes, RotatedBoxes


@pytest.mark.parametrize(
    ("boxes", "kind"),
    [
        ([Boxes([])], UPRIGHT),
        ([RotatedBoxes([]), RotatedBoxes([[1.0, 1.0, 2.0, 2.0, 45.0]])], ROTATED),
        ([torch.zeros(0, 4)], UPRIGHT),
        ([torch.zeros(3, 5)], ROTATED),
        ([], UPRIGHT),
    ],
)
def test_boxes_and_rows_of_them_have_a_kind(boxes, kind):
    assert find_box_kind(boxes) is kind


def test_without_boxes_the_factors_decide():
    assert find_box_kind([], (1.0,) * 5) is ROTATED
    assert find_box_kind([], (1.0,) * 4) is UPRIGHT
    assert find_box_kind([Boxes([])], (1.0,) * 5) is UPRIGHT


def test_the_factor_of_an_angle_may_be_left_out():
    assert ROTATED.complete_weights((10.0, 10.0, 5.0, 5.0)) == (10.0, 10.0, 5.0, 5.0, 1.0)
    assert ROTATED.complete_weights((1.0, 1.0, 1.0, 1.0, 3.0)) == (1.0, 1.0, 1.0, 1.0, 3.0)
    assert UPRIGHT.complete_weights((10.0, 10.0, 5.0, 5.0)) == (10.0, 10.0, 5.0, 5.0)


def test_upright_boxes_have_no_factor_of_an_angle():
    with pytest.raises(ValueError, match="5 factors, but Boxes have 4 offsets"):
        UPRIGHT.complete_weights((1.0, 1.0, 1.0, 1.0, 1.0))
