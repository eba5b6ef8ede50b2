import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.structures import Keypoints

BOX = torch.tensor([[10.0, 20.0, 30.0, 60.0]])


def one(x, y, visibility=2.0):
    return Keypoints(torch.tensor([[[x, y, visibility]]]))


@given(st.integers(0, 55), st.integers(0, 55))
def test_the_middle_of_a_cell_lies_in_that_cell(column, row):
    keypoints = one(10 + 20 * (column + 0.5) / 56, 20 + 40 * (row + 0.5) / 56)
    cells, valid = keypoints.to_heatmap(BOX, 56)
    assert cells.item() == row * 56 + column
    assert valid.item() == 1


def test_the_far_borders_belong_to_the_last_cells():
    cells, valid = one(30.0, 60.0).to_heatmap(BOX, 4)
    assert (cells.item(), valid.item()) == (15, 1)


@pytest.mark.parametrize(
    ("x", "y", "visibility"),
    [(9.9, 30.0, 2.0), (30.1, 30.0, 2.0), (15.0, 19.0, 2.0), (15.0, 61.0, 1.0), (15.0, 30.0, 0.0)],
)
def test_outside_the_box_or_unlabelled_is_not_valid(x, y, visibility):
    cells, valid = one(x, y, visibility).to_heatmap(BOX, 4)
    assert (cells.item(), valid.item()) == (0, 0)


def test_a_hidden_keypoint_is_valid():
    assert one(15.0, 30.0, 1.0).to_heatmap(BOX, 4)[1].item() == 1


def test_no_instances_have_no_cells():
    cells, valid = Keypoints(torch.zeros(0, 17, 3)).to_heatmap(torch.zeros(0, 4), 56)
    assert cells.shape == valid.shape == (0, 17)


def test_each_instance_needs_a_box():
    with pytest.raises(ValueError, match="1 boxes for 2 instances"):
        Keypoints(torch.zeros(2, 3, 3)).to_heatmap(BOX, 4)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 4, 2)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="N x K x 3"):
        Keypoints(torch.zeros(shape))


def test_they_are_indexed_joined_and_described():
    keypoints = Keypoints([[[1, 2, 2]], [[3, 4, 1]]])
    assert keypoints.tensor.dtype == torch.float32
    assert keypoints[1].tensor.tolist() == [[[3.0, 4.0, 1.0]]]
    assert torch.equal(Keypoints.cat([keypoints[:1], keypoints[1:]]).tensor, keypoints.tensor)
    assert keypoints.device == torch.device("cpu")
    assert keypoints.summary() == "2x1 keypoints"
    assert repr(keypoints) == "Keypoints(num_instances=2, num_keypoints=1)"
    with pytest.raises(ValueError, match="no keypoints"):
        Keypoints.cat([])
