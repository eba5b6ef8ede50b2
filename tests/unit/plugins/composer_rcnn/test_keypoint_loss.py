import math

import pytest
import torch

from composer.events import EventStorage
from composer.structures import Boxes, Instances, Keypoints
from composer_rcnn.keypoint_foreground import keypoint_foreground
from composer_rcnn.keypoint_loss import keypoint_loss

REGION = Boxes([[0.0, 0.0, 8.0, 8.0]])
FIRST, NOTHING = torch.tensor([0]), torch.tensor([], dtype=torch.int64)


def truth_of(*objects):
    return Instances((64, 64), gt_keypoints=Keypoints(torch.tensor(objects)))


TWO_SEEN = [[1.0, 3.0, 2.0], [6.5, 7.5, 1.0], [4.0, 4.0, 0.0]]
NONE_INSIDE = [[20.0, 3.0, 2.0], [6.0, -1.0, 1.0], [4.0, 4.0, 0.0]]


def loss_of(logits, *objects, matched=FIRST, **options):
    found = keypoint_loss(logits, [REGION], [matched], [truth_of(*objects)], **options)
    return found["loss_keypoint"]


def test_each_visible_keypoint_is_a_choice_among_the_cells():
    assert loss_of(torch.zeros(1, 3, 4, 4), TWO_SEEN).item() == pytest.approx(math.log(16))
    logits = torch.zeros(1, 3, 4, 4)
    logits[0, 0, 1, 0] = logits[0, 1, 3, 3] = 100.0
    assert loss_of(logits, TWO_SEEN).item() == pytest.approx(0)


def test_the_sum_may_be_divided_by_the_number_that_is_expected():
    options = {"normalize_loss_by_visible_keypoints": False, "batch_size_per_image": 16}
    loss = loss_of(torch.zeros(1, 3, 4, 4), TWO_SEEN, positive_fraction=0.5, **options)
    assert loss.item() == pytest.approx(2 * math.log(16) / (3 * 16 * 0.5))


def test_the_loss_is_weighted():
    loss = loss_of(torch.zeros(1, 3, 4, 4), TWO_SEEN, loss_weight=3.0)
    assert loss.item() == pytest.approx(3 * math.log(16))


def test_a_region_learns_the_keypoints_of_its_object():
    logits = torch.zeros(1, 3, 4, 4)
    assert loss_of(logits, NONE_INSIDE, TWO_SEEN, matched=torch.tensor([1])).item() > 0
    assert loss_of(logits, NONE_INSIDE, TWO_SEEN).item() == 0


def test_without_visible_keypoints_the_loss_is_zero_with_a_gradient():
    logits = torch.zeros(1, 3, 4, 4, requires_grad=True)
    loss_of(logits, NONE_INSIDE).backward()
    assert not logits.grad.any()


def test_images_without_regions_are_passed_over():
    boxes, matched = [Boxes([]), REGION], [NOTHING, FIRST]
    targets = [Instances((8, 8), gt_boxes=Boxes([])), truth_of(TWO_SEEN)]
    found = keypoint_loss(torch.zeros(1, 3, 4, 4), boxes, matched, targets)
    assert found["loss_keypoint"].item() == pytest.approx(math.log(16))
    nothing = keypoint_loss(torch.zeros(0, 3, 4, 4), boxes[:1], matched[:1], targets[:1])
    assert nothing["loss_keypoint"].item() == 0


def test_there_are_maps_for_every_region():
    with pytest.raises(ValueError, match="1 regions, but keypoints of 2"):
        loss_of(torch.zeros(2, 3, 4, 4), TWO_SEEN)
    with pytest.raises(ValueError, match="4 keypoints are predicted, but objects have 3"):
        loss_of(torch.zeros(1, 4, 4, 4), TWO_SEEN)


def test_regions_that_show_no_keypoint_are_left_out():
    boxes = [Boxes([[0.0, 0.0, 8.0, 8.0], [0.0, 0.0, 0.5, 8.0], [0.0, 0.0, 8.0, 8.0]]), Boxes([])]
    matched = [torch.tensor([0, 0, 1]), NOTHING]
    targets = [truth_of(TWO_SEEN, NONE_INSIDE), Instances((8, 8), gt_boxes=Boxes([]))]
    with EventStorage() as storage:
        found = keypoint_foreground(boxes, matched, targets)
    assert [len(one) for one in found.boxes] == [1, 0]
    assert [one.tolist() for one in found.matched_indices] == [[0], []]
    assert storage.latest() == {"keypoint_head/num_fg_samples": (1.0, 0)}


def test_a_keypoint_on_the_border_is_inside():
    border = [[[8.0, 8.0, 1.0]]]
    target = Instances((8, 8), gt_keypoints=Keypoints(torch.tensor(border)))
    assert len(keypoint_foreground([REGION], [FIRST], [target]).boxes[0]) == 1
