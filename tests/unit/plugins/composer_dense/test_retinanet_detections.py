import math

import pytest
import torch

from composer.structures import ImageList
from composer.testing import check_node_type
from composer_dense.retinanet_detections import retinanet_detections

INFINITY, NAN = float("inf"), float("nan")
APART = [[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0], [40.0, 40.0, 50.0, 50.0]]


def logits_of(probabilities):
    """Of one level with a cell a row and one anchor a cell."""
    return torch.tensor(probabilities).logit().T[None, :, None, :]


def detect(boxes, probabilities, deltas=None, **options):
    logits = logits_of(probabilities)
    offsets = torch.zeros(len(boxes), 4) if deltas is None else deltas
    return retinanet_detections(
        [torch.tensor(boxes)], [logits], [offsets.T[None, :, None, :]], **options
    )


def test_detections_come_best_first_and_name_their_anchor():
    found = detect(APART, [[0.3, 0.01], [0.01, 0.9], [0.02, 0.02]])
    assert found.boxes[0].tensor.tolist() == [APART[1], APART[0]]
    assert found.scores[0].tolist() == pytest.approx([0.9, 0.3])
    assert found.classes[0].tolist() == [1, 0]
    assert found.anchor_indices[0].tolist() == [1, 0]
    expected = torch.tensor([[0.01, 0.9], [0.3, 0.01]])
    torch.testing.assert_close(found.class_probabilities[0], expected)


def test_an_anchor_can_be_of_several_classes():
    found = detect(APART[:1], [[0.3, 0.6]])
    assert found.classes[0].tolist() == [1, 0]
    assert found.anchor_indices[0].tolist() == [0, 0]


def test_the_score_must_be_above_the_threshold():
    assert len(detect(APART[:1], [[0.5]], score_threshold=0.5).boxes[0]) == 0
    assert len(detect(APART[:1], [[0.5]], score_threshold=0.4999).boxes[0]) == 1


def test_offsets_move_the_anchors_and_boxes_may_leave_the_image():
    deltas = torch.tensor([[-0.5, 0.0, 0.0, math.log(2)]])
    found = detect(APART[:1], [[0.9]], deltas, box_weights=(0.5, 1.0, 1.0, 1.0))
    torch.testing.assert_close(
        found.boxes[0].tensor, torch.tensor([[-10.0, -5.0, 0.0, 15.0]]), atol=1e-5, rtol=0
    )


def test_doubled_boxes_go_within_a_class_only():
    twins = [APART[0], [0.0, 0.0, 10.0, 9.0]]
    found = detect(twins, [[0.6, 0.2], [0.5, 0.3]])
    pairs = zip(found.classes[0].tolist(), found.anchor_indices[0].tolist(), strict=True)
    assert list(pairs) == [(0, 0), (1, 1)]


def test_a_level_has_a_limited_number_of_candidates():
    left, right = logits_of([[0.9], [0.8], [0.7]]), logits_of([[0.6], [0.5], [0.4]])
    lower = [[x + 100 for x in box] for box in APART]
    found = retinanet_detections(
        [torch.tensor(APART), torch.tensor(lower)],
        [left, right],
        [torch.zeros(1, 4, 1, 3)] * 2,
        topk_candidates=1,
    )
    assert found.scores[0].tolist() == pytest.approx([0.9, 0.6])
    assert found.anchor_indices[0].tolist() == [0, 3]


def test_the_best_of_an_image_are_left():
    found = detect(APART, [[0.6], [0.7], [0.8]], max_per_image=2)
    assert found.anchor_indices[0].tolist() == [2, 1]


def test_each_image_has_its_own_detections():
    logits = torch.cat((logits_of([[0.9], [0.01], [0.8]]), logits_of([[0.01]] * 3)))
    found = retinanet_detections([torch.tensor(APART)], [logits], [torch.zeros(2, 4, 1, 3)])
    assert [len(boxes) for boxes in found.boxes] == [2, 0]
    assert [tuple(one.shape) for one in found.class_probabilities] == [(2, 1), (0, 1)]


@pytest.mark.parametrize("bad", [NAN, INFINITY, -INFINITY])
def test_what_is_not_finite_is_dropped(bad):
    deltas = torch.zeros(3, 4)
    deltas[1, 0] = bad
    logits = logits_of([[0.9], [0.8], [0.7]])
    logits[0, 0, 0, 0] = NAN
    found = retinanet_detections(
        [torch.tensor(APART)], [logits], [deltas.T[None, :, None, :]], nms_threshold=0.1
    )
    assert found.anchor_indices[0].tolist() == [2]
    assert found.boxes[0].tensor.tolist() == [APART[2]]


def test_no_images_have_no_detections():
    found = retinanet_detections(
        [torch.tensor(APART)], [torch.zeros(0, 5, 1, 3)], [torch.zeros(0, 4, 1, 3)]
    )
    assert found == ([], [], [], [], [])


def test_it_keeps_the_contract_of_node_types():
    inputs = {
        "anchors": [torch.tensor(APART)],
        "class_logits": [logits_of([[0.9, 0.1], [0.8, 0.3], [0.2, 0.7]])],
        "box_deltas": [torch.zeros(1, 4, 1, 3)],
    }
    check_node_type(retinanet_detections, inputs)


def test_boxes_are_clipped_to_the_images_that_are_wired_before_doubled_ones_go():
    boxes = [[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 30.0], [0.0, 0.0, INFINITY, 10.0]]
    probabilities = [[0.9], [0.8], [0.7]]
    assert len(detect(boxes, probabilities).boxes[0]) == 2
    images = ImageList(torch.zeros(1, 3, 12, 12), [(12, 12)])
    found = detect(boxes, probabilities, images=images)
    assert found.boxes[0].tensor.tolist() == [boxes[0]]
