import pytest
import torch

from composer.structures import Boxes
from composer_rcnn.predicted_boxes import predicted_boxes

REGIONS = [Boxes([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 10.0]]), Boxes([[5.0, 5.0, 9.0, 9.0]])]
CLASSES = [torch.tensor([1, 2]), torch.tensor([0])]


def test_each_region_goes_where_the_offsets_of_its_class_lead():
    deltas = torch.zeros(3, 8)
    deltas[0, 4] = 10.0  # a width to the right
    deltas[2, 5] = -10.0  # of the class that it is not
    found = predicted_boxes(REGIONS, CLASSES, deltas, num_classes=2)
    assert found[0].tensor.tolist() == [[10.0, 0.0, 20.0, 10.0], [0.0, 0.0, 10.0, 10.0]]
    assert found[1].tensor.tolist() == REGIONS[1].tensor.tolist()


def test_classes_can_share_their_offsets():
    deltas = torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(3, 1)
    found = predicted_boxes(REGIONS, CLASSES, deltas, num_classes=2, box_weights=(1.0,) * 4)
    assert found[1].tensor.tolist() == [[9.0, 5.0, 13.0, 9.0]]


def test_gradients_do_not_flow_through():
    deltas = torch.zeros(3, 4, requires_grad=True)
    assert not predicted_boxes(REGIONS, CLASSES, deltas, num_classes=80)[0].tensor.requires_grad


def test_there_may_be_no_regions():
    assert predicted_boxes([], [], torch.zeros(0, 8), num_classes=2) == []
    nothing = [torch.tensor([], dtype=torch.int64)]
    assert len(predicted_boxes([Boxes([])], nothing, torch.zeros(0, 8), num_classes=2)[0]) == 0


def test_there_are_offsets_for_every_region():
    with pytest.raises(ValueError, match="3 regions, but box offsets of 2"):
        predicted_boxes(REGIONS, CLASSES, torch.zeros(2, 4), num_classes=80)


@pytest.mark.parametrize(("width", "num_classes"), [(12, 80), (400, 80), (8, 3)])
def test_there_are_offsets_for_every_class(width, num_classes):
    with pytest.raises(ValueError, match=f"num_classes is {num_classes}"):
        predicted_boxes(REGIONS, CLASSES, torch.zeros(3, width), num_classes=num_classes)
