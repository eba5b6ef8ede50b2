import math

import pytest
import torch

from composer.structures import Boxes, ImageList, RotatedBoxes
from composer_rcnn.detections import detections
from strategies.rotated_boxes import lay_flat

NAN = float("nan")
APART = [[10.0, 10.0, 8.0, 4.0, 30.0], [30.0, 30.0, 8.0, 4.0, -50.0], [50.0, 50.0, 9.0, 9.0, 60.0]]


def images_of(*sizes):
    return ImageList(torch.zeros(len(sizes), 3, 64, 64), list(sizes))


def logits_of(*probabilities):
    return torch.tensor(probabilities).log()


def detect(boxes, logits, deltas=None, sizes=((64, 64),), **options):
    deltas = torch.zeros(len(logits), 5) if deltas is None else deltas
    regions = [RotatedBoxes(one) for one in boxes]
    return detections(regions, logits, deltas, images_of(*sizes), **options)


def test_detections_come_best_first_and_name_their_region():
    logits = logits_of([0.3, 0.1, 0.6], [0.1, 0.8, 0.1])
    found = detect([APART[:2]], logits, score_threshold=0.2)
    torch.testing.assert_close(found.boxes[0].tensor, torch.tensor([APART[1], APART[0]]))
    assert found.scores[0].tolist() == pytest.approx([0.8, 0.3])
    assert found.classes[0].tolist() == [1, 0]
    assert found.proposal_indices[0].tolist() == [1, 0]
    torch.testing.assert_close(found.class_probabilities[0], logits.exp()[[1, 0]])


def test_each_class_turns_its_own_box():
    deltas = torch.zeros(1, 10)
    deltas[0, 9] = math.pi / 2
    found = detect([APART[:1]], logits_of([0.4, 0.3, 0.3]), deltas)
    assert found.boxes[0].tensor[:, 4].tolist() == pytest.approx([30.0, 120.0])


def test_classes_can_share_a_box():
    deltas = torch.tensor([[10.0, 0.0, 0.0, 0.0, 0.0]])
    found = detect([APART[:1]], logits_of([0.4, 0.3, 0.3]), deltas)
    assert found.boxes[0].tensor[:, 0].tolist() == pytest.approx([18.0, 18.0])


def test_flat_regions_are_detected_as_by_the_ordinary_heads():
    corners = torch.rand(40, 2) * 40
    flat = torch.cat((corners, corners + 4 + torch.rand(40, 2) * 20), dim=1)
    logits, deltas = torch.randn(40, 4), torch.randn(40, 3, 4)
    images, options = images_of((64, 64), (50, 45)), {"nms_threshold": 0.3, "max_per_image": 12}
    expected = detections(
        [Boxes(flat[:15]), Boxes(flat[15:])], logits, deltas.flatten(1), images, **options
    )
    found = detections(
        [RotatedBoxes(lay_flat(flat[:15])), RotatedBoxes(lay_flat(flat[15:]))],
        logits,
        torch.cat((deltas, torch.zeros(40, 3, 1)), dim=2).flatten(1),
        images,
        **options,
    )
    for left, right in zip(found.boxes, expected.boxes, strict=True):
        torch.testing.assert_close(left.tensor, lay_flat(right.tensor), rtol=1e-4, atol=1e-3)
    for name in ("scores", "classes", "proposal_indices", "class_probabilities"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))


def test_each_class_can_have_a_probability_of_its_own():
    found = detect([APART[:1]], torch.tensor([[0.0, -9.0, 5.0]]), use_sigmoid_ce=True)
    assert found.scores[0].tolist() == pytest.approx([0.5])


def test_a_region_that_is_not_finite_is_dropped_and_the_others_keep_their_index():
    logits = logits_of([0.9, 0.1], [0.8, 0.2], [0.7, 0.3])
    logits[0, 0] = NAN
    deltas = torch.zeros(3, 5)
    deltas[1, 4] = NAN
    found = detect([APART], logits, deltas)
    assert found.proposal_indices[0].tolist() == [2]


@pytest.mark.parametrize("num_classes", [1, 3])
def test_an_image_may_have_no_regions_or_no_detections(num_classes):
    logits, deltas = torch.zeros(1, num_classes + 1), torch.zeros(1, 5 * num_classes)
    found = detect([[], APART[:1]], logits, deltas, ((9, 9), (64, 64)), score_threshold=0.99)
    assert [len(boxes) for boxes in found.boxes] == [0, 0]


def test_no_images_have_no_detections():
    assert detect([], torch.zeros(0, 81), torch.zeros(0, 400), ()) == ([], [], [], [], [])


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="Regions of 1 images, but 2"):
        detect([APART], torch.zeros(3, 2), sizes=((64, 64), (64, 64)))
    with pytest.raises(ValueError, match="3 regions, but box offsets of 2"):
        detect([APART], torch.zeros(2, 2))
