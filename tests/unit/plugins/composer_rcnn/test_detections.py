import pytest
import torch

from composer.structures import Boxes, ImageList
from composer_rcnn.detections import detections

INFINITY, NAN = float("inf"), float("nan")
APART = [[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0], [40.0, 40.0, 50.0, 50.0]]


def images_of(*sizes):
    return ImageList(torch.zeros(len(sizes), 3, 64, 64), list(sizes))


def logits_of(*probabilities):
    return torch.tensor(probabilities).log()


def detect(boxes, logits, deltas=None, sizes=((64, 64),), **options):
    deltas = torch.zeros(len(logits), 4) if deltas is None else deltas
    return detections([Boxes(one) for one in boxes], logits, deltas, images_of(*sizes), **options)


def test_detections_come_best_first_and_name_their_region():
    logits = logits_of([0.3, 0.1, 0.6], [0.1, 0.8, 0.1])
    found = detect([APART[:2]], logits, score_threshold=0.2)
    assert found.boxes[0].tensor.tolist() == [APART[1], APART[0]]
    assert found.scores[0].tolist() == pytest.approx([0.8, 0.3])
    assert found.classes[0].tolist() == [1, 0]
    assert found.proposal_indices[0].tolist() == [1, 0]
    torch.testing.assert_close(found.class_probabilities[0], logits.exp()[[1, 0]])


def test_a_region_can_be_of_several_classes_and_the_background_is_none():
    found = detect([APART[:1]], logits_of([0.3, 0.25, 0.45]))
    assert found.classes[0].tolist() == [0, 1]
    assert found.proposal_indices[0].tolist() == [0, 0]


def test_the_score_must_be_above_the_threshold():
    logits = torch.zeros(1, 2)  # exactly 0.5 each
    assert len(detect([APART[:1]], logits, score_threshold=0.5).boxes[0]) == 0
    assert len(detect([APART[:1]], logits, score_threshold=0.4999).boxes[0]) == 1


def test_boxes_that_are_too_short_after_clipping_can_be_dropped():
    boxes = [[0.0, 0.0, 10.0, 10.0], [60.0, 0.0, 70.0, 10.0]]  # the second is cut to 4 pixels
    logits = logits_of([0.9, 0.1], [0.8, 0.2])
    assert len(detect([boxes], logits).boxes[0]) == 2
    assert len(detect([boxes], logits, min_box_size=4.0).boxes[0]) == 2
    found = detect([boxes], logits, min_box_size=4.1)
    assert found.boxes[0].tensor.tolist() == [boxes[0]]
    assert found.proposal_indices[0].tolist() == [0]


def test_each_class_moves_its_own_box():
    deltas = torch.zeros(1, 8)
    deltas[0, 4] = 10.0  # by one width, with a weight of 10
    found = detect([APART[1:2]], logits_of([0.4, 0.3, 0.3]), deltas)
    assert found.boxes[0].tensor.tolist() == [APART[1], [30.0, 20.0, 40.0, 30.0]]


def test_classes_can_share_a_box():
    deltas = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    found = detect([APART[1:2]], logits_of([0.4, 0.3, 0.3]), deltas, box_weights=(1.0,) * 4)
    assert found.boxes[0].tensor.tolist() == [[30.0, 20.0, 40.0, 30.0]] * 2


def test_doubled_boxes_go_within_a_class_only():
    twins = [APART[0], [0.0, 0.0, 10.0, 9.0]]
    found = detect([twins], logits_of([0.6, 0.1, 0.3], [0.5, 0.2, 0.3]), score_threshold=0.15)
    assert list(zip(*(part[0].tolist() for part in found[2:4]), strict=True)) == [(0, 0), (1, 1)]


def test_the_best_of_an_image_are_left():
    logits = logits_of([0.6, 0.4], [0.7, 0.3], [0.8, 0.2])
    found = detect([APART], logits, max_per_image=2)
    assert found.proposal_indices[0].tolist() == [2, 1]


def test_each_image_has_its_own_regions_and_size():
    logits = logits_of([0.9, 0.1], [0.8, 0.2], [0.7, 0.3])
    found = detect([APART[:1], APART[:2]], logits, sizes=((64, 64), (25, 22)))
    assert [len(boxes) for boxes in found.boxes] == [1, 2]
    assert found.boxes[1].tensor.tolist() == [APART[0], [20.0, 20.0, 22.0, 25.0]]
    assert found.proposal_indices[1].tolist() == [0, 1]


@pytest.mark.parametrize("bad", [NAN, INFINITY])
def test_a_region_that_is_not_finite_is_dropped_and_the_others_keep_their_index(bad):
    logits = logits_of([0.9, 0.1], [0.8, 0.2], [0.7, 0.3])
    logits[0, 0] = bad
    deltas = torch.zeros(3, 4)
    deltas[1, 0] = bad
    found = detect([APART], logits, deltas)
    assert found.proposal_indices[0].tolist() == [2]
    assert found.boxes[0].tensor.tolist() == [APART[2]]


@pytest.mark.parametrize("num_classes", [1, 3])
def test_an_image_may_have_no_regions_or_no_detections(num_classes):
    logits = torch.zeros(1, num_classes + 1)
    deltas = torch.zeros(1, 4 * num_classes)
    found = detect([[], APART[:1]], logits, deltas, ((9, 9), (64, 64)), score_threshold=0.99)
    assert [len(boxes) for boxes in found.boxes] == [0, 0]
    assert [tuple(one.shape) for one in found.class_probabilities] == [(0, num_classes + 1)] * 2


def test_no_images_have_no_detections():
    assert detect([], torch.zeros(0, 81), torch.zeros(0, 320), ()) == ([], [], [], [], [])


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="Regions of 1 images, but 2"):
        detect([APART], torch.zeros(3, 2), sizes=((64, 64), (64, 64)))
    with pytest.raises(ValueError, match="3 regions, but box offsets of 2"):
        detect([APART], torch.zeros(2, 2))


def test_what_it_is_given_stays_as_it_was():
    logits, deltas = torch.randn(3, 3), torch.randn(3, 8)
    boxes = [Boxes(APART)]
    before = logits.clone(), deltas.clone(), boxes[0].tensor.clone()
    detections(boxes, logits, deltas, images_of((20, 20)))
    for left, right in zip((logits, deltas, boxes[0].tensor), before, strict=True):
        assert torch.equal(left, right)


def test_probabilities_of_several_predictors_are_averaged():
    several = [logits_of([0.8, 0.2]), logits_of([0.4, 0.6])]
    found = detect([APART[:1]], several[0])
    assert found.scores[0].tolist() == pytest.approx([0.8])
    found = detections([Boxes(APART[:1])], several, torch.zeros(1, 4), images_of((64, 64)))
    assert found.scores[0].tolist() == pytest.approx([0.6])


def test_a_class_may_have_a_probability_of_its_own():
    logits = torch.tensor([[2.0, -1.0, 50.0]])
    found = detect([APART[:1]], logits, use_sigmoid_ce=True)
    assert found.scores[0].tolist() == pytest.approx(logits[0, :2].sigmoid().tolist())


def test_scores_are_weighted_by_objectness_before_doubled_boxes_go():
    logits = logits_of([0.9, 0.1], [0.8, 0.2], [0.6, 0.4])
    boxes = [APART[0], APART[0], APART[1]]
    objectness = [torch.tensor([0.25, 0.5, 0.9]).logit()]
    found = detect([boxes], logits, objectness_logits=objectness)
    assert found.scores[0].tolist() == pytest.approx([0.6 * 0.9, 0.8 * 0.5])
    assert found.proposal_indices[0].tolist() == [2, 1]
    torch.testing.assert_close(found.class_probabilities[0], logits.exp()[[2, 1]])
    found = detect([boxes], logits, objectness_logits=objectness, objectness_exponent=0.5)
    assert found.scores[0].tolist() == pytest.approx([0.6 * 0.9**0.5, 0.8 * 0.5**0.5])
    found = detect([boxes], logits, objectness_logits=objectness, objectness_exponent=0.0)
    assert found.scores[0].tolist() == pytest.approx([0.9, 0.6])


def test_the_weighted_score_must_be_above_the_threshold():
    weights = [torch.tensor([0.5, 0.1]).logit()]
    logits = logits_of([0.9, 0.1], [0.9, 0.1])
    found = detect([APART[:2]], logits, objectness_logits=weights, score_threshold=0.1)
    assert found.proposal_indices[0].tolist() == [0]


def test_every_region_has_an_objectness():
    wrong = {"objectness_logits": [torch.zeros(1)]}
    with pytest.raises(
        ValueError, match=r"Regions per image: \[2\], .* logits: \[1\].*exponent to 0"
    ):
        detect([APART[:2]], torch.zeros(2, 2), **wrong)
    assert (
        len(detect([APART[:2]], torch.zeros(2, 2), **wrong, objectness_exponent=0.0).boxes[0]) == 2
    )
