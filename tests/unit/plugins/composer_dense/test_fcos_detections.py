import pytest
import torch

from composer.testing import check_node_type
from composer_dense.fcos_detections import fcos_detections

CELLS = torch.tensor([[0.0, 0.0, 8.0, 8.0], [8.0, 0.0, 16.0, 8.0], [16.0, 0.0, 24.0, 8.0]])


def row_of(rows):
    """One level with a cell a row."""
    return torch.tensor(rows).T[None, :, None, :]


def detect(probabilities, centerness, distances, **options):
    return fcos_detections(
        [CELLS[: len(probabilities)]],
        [row_of(probabilities).logit()],
        [row_of(distances)],
        [row_of(centerness).logit()],
        **options,
    )


def test_a_score_is_the_geometric_mean_of_probability_and_centerness():
    found = detect([[0.9]], [[0.4]], [[1.0] * 4])
    assert found.scores[0].tolist() == pytest.approx([0.6])


def test_the_score_must_be_above_the_threshold():
    boxes = [[1.0] * 4, [1.0] * 4]
    found = detect([[0.9], [0.9]], [[0.01], [0.9]], boxes)
    assert found.anchor_indices[0].tolist() == [1]


def test_boxes_lie_around_the_middle_of_their_cell_in_units_of_the_stride():
    found = detect([[0.9]], [[0.9]], [[1.0, 0.5, 2.0, 0.25]])
    assert found.boxes[0].tensor.tolist() == [[-4.0, 0.0, 20.0, 6.0]]


def test_negative_distances_count_as_zero():
    found = detect([[0.9]], [[0.9]], [[-1.0, 0.5, 2.0, -3.0]])
    assert found.boxes[0].tensor.tolist() == [[4.0, 0.0, 20.0, 4.0]]


def test_doubled_boxes_go_by_their_score():
    same_box = [[1.0, 1.0, 1.0, 1.0], [2.0, 1.0, 0.0, 1.0]]
    found = detect([[0.9], [0.8]], [[0.3], [0.9]], same_box)
    assert found.anchor_indices[0].tolist() == [1]


def test_no_images_have_no_detections():
    found = fcos_detections(
        [CELLS], [torch.zeros(0, 5, 1, 3)], [torch.zeros(0, 4, 1, 3)], [torch.zeros(0, 1, 1, 3)]
    )
    assert found == ([], [], [], [], [])


def test_there_is_one_anchor_a_cell():
    maps = [torch.zeros(1, 4, 1, 3)], [torch.zeros(1, 4, 1, 3)], [torch.zeros(1, 1, 1, 3)]
    with pytest.raises(ValueError, match="3 cells with 1 numbers each, but 6 anchors"):
        fcos_detections([CELLS.repeat(2, 1)], *maps)


def test_it_keeps_the_contract_of_node_types():
    inputs = {
        "anchors": [CELLS],
        "class_logits": [torch.randn(2, 3, 1, 3)],
        "edge_distances": [torch.randn(2, 4, 1, 3)],
        "centerness": [torch.randn(2, 1, 1, 3)],
    }
    check_node_type(fcos_detections, inputs)
