import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.structures import BoxMode, RotatedBoxes
from composer.structures.box_conversion import _to_rows
from strategies.boxes import box_tensors

SIZE = (100, 200)


def test_names_and_numbers_are_those_of_detectron2():
    assert {mode.name: int(mode) for mode in BoxMode} == {
        "XYXY_ABS": 0,
        "XYWH_ABS": 1,
        "XYXY_REL": 2,
        "XYWH_REL": 3,
        "XYWHA_ABS": 4,
    }
    for name in ("XYWH_ABS", "BoxMode.XYWH_ABS", "xywh_abs", 1, 1.0, BoxMode.XYWH_ABS):
        assert BoxMode.parse(name) is BoxMode.XYWH_ABS
    for wrong in ("XYWH", 5, -1, True, "1"):
        with pytest.raises(ValueError, match=r"no box mode .* XYWHA_ABS"):
            BoxMode.parse(wrong)


@given(box_tensors(), st.sampled_from(BoxMode), st.sampled_from(BoxMode))
def test_boxes_come_back_from_every_mode(boxes, one, other):
    boxes = boxes.double()
    written = BoxMode.convert(boxes, BoxMode.XYXY_ABS, one, image_size=SIZE)
    again = BoxMode.convert(written, one, other, image_size=SIZE)
    assert again.shape == (len(boxes), other.num_values)
    back = BoxMode.convert(again, other, BoxMode.XYXY_ABS, image_size=SIZE)
    torch.testing.assert_close(back, boxes, rtol=1e-9, atol=1e-6)


def test_a_box_keeps_its_type():
    for box in ([1.0, 2.0, 3.0, 4.0], (1.0, 2.0, 3.0, 4.0)):
        found = BoxMode.convert(box, BoxMode.XYWH_ABS, BoxMode.XYXY_ABS)
        assert found == type(box)((1.0, 2.0, 4.0, 6.0))
        assert type(found) is type(box)
    rows = np.array([[1, 2, 3, 4]], dtype=np.float32)
    assert BoxMode.convert(rows, 1, 0).dtype == np.float32
    assert BoxMode.convert(torch.tensor([[1, 2, 3, 4]]), 1, 0).dtype == torch.float32
    assert BoxMode.convert(torch.zeros(0, 4), 1, 4).shape == (0, 5)


def test_the_upright_box_around_a_rotated_one():
    rotated = torch.tensor([[50.0, 40.0, 20.0, 10.0, 30.0]])
    found = BoxMode.convert(rotated, BoxMode.XYWHA_ABS, BoxMode.XYXY_ABS)
    torch.testing.assert_close(found, RotatedBoxes(rotated).get_bounding_boxes().tensor)


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="XYWHA_ABS has 5 numbers, not 4"):
        BoxMode.convert([1.0, 2.0, 3.0, 4.0], 4, 0)
    with pytest.raises(ValueError, match="takes the image_size"):
        BoxMode.convert([1.0, 2.0, 3.0, 4.0], 0, 2)
    for wrong in (None, "box", [1.0, None, 2.0, 3.0], [[1.0, 2.0], [3.0]], 3.0):
        with pytest.raises(ValueError, match="A box is some numbers, not"):
            _to_rows(wrong)  # its own function: tests check the annotations of `convert`
    for mode in (None, "XYWH", 7):
        with pytest.raises(ValueError, match="no box mode"):
            BoxMode.convert([1.0, 2.0, 3.0, 4.0], mode, 0)
