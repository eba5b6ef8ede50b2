"""Detections of two models: matched, lost and new."""

import pytest
import torch

from composer.comparison import compare_outputs, compare_values, match_images
from composer.structures import Boxes, Instances, RotatedBoxes

BOXES = torch.tensor([[0.0, 0, 10, 10], [20, 20, 40, 40], [50, 0, 60, 10]])


def detections(boxes=BOXES, scores=(0.9, 0.8, 0.7), classes=(0, 1, 1), **fields):
    return Instances(
        (80, 80),
        pred_boxes=Boxes(boxes),
        scores=torch.tensor(scores),
        pred_classes=torch.tensor(classes, dtype=torch.long),
        **fields,
    )


def test_detections_match_in_any_order_and_field_by_field():
    order = torch.tensor([2, 0, 1])
    one = detections(pred_masks=torch.rand(3, 4, 4) > 0.5)
    found = match_images([one], [one[order]])
    assert (found.num_matched, found.lost, found.new) == (3, (), ())
    assert found.pairs.is_exact
    assert found.is_within(0.0)


def test_lost_and_new_ones_have_their_indices_classes_and_scores():
    one = detections()
    other = detections(BOXES[:2], (0.9, 0.8), (0, 0))
    found = match_images([one], [other], (("cat", "dog"), ("cat", "dog")))
    assert [str(each) for each in found.lost] == [
        "[1] dog 0.80 at 20, 20, 40, 40",
        "[2] dog 0.70 at 50, 0, 60, 10",
    ]
    assert [str(each) for each in found.new] == ["[1] cat 0.80 at 20, 20, 40, 40"]
    assert not found.is_within(1.0)
    assert str(found).startswith("1 of 3 detections matched, 2 lost, 1 new")


def test_images_are_counted_from_zero():
    found = match_images(
        [detections(), detections()], [detections(), detections(BOXES[:0], (), ())]
    )
    assert [(each.image, each.index) for each in found.lost] == [(1, 0), (1, 1), (1, 2)]


def test_classes_are_matched_by_name_where_both_models_have_names():
    one, other = detections(classes=(0, 1, 1)), detections(classes=(1, 0, 2))
    found = match_images([one], [other], (("cat", "dog"), ("dog", "cat", "mouse")))
    assert found.num_matched == 2
    assert [each.label for each in found.new] == ["mouse"]


def test_a_shifted_box_is_matched_with_its_overlap():
    moved = BOXES.clone()
    moved[1, 0] += 5
    found = match_images([detections()], [detections(moved, (0.9, 0.75, 0.7))])
    assert found.num_matched == 3
    assert found.min_iou == pytest.approx(0.75)
    assert found.max_score_difference == pytest.approx(0.05)
    assert not found.is_within(1e-3)


def test_other_masks_of_equal_boxes_are_a_difference():
    masks = torch.zeros(3, 4, 4, dtype=torch.bool)
    others = masks.clone()
    others[0, 0, 0] = True
    one, other = detections(pred_masks=masks), detections(pred_masks=others)
    found = match_images([one], [other])
    assert found.pairs.relative == pytest.approx(1 / 48)
    assert not found.is_within(0.01)
    assert found.is_within(0.05)


def test_rotated_boxes_match_and_none_match_upright_ones():
    boxes = torch.tensor([[10.0, 10, 8, 4, 30]])
    rotated = Instances((80, 80), pred_boxes=RotatedBoxes(boxes), scores=torch.ones(1))
    assert match_images([rotated], [rotated]).num_matched == 1
    upright = Instances((80, 80), pred_boxes=Boxes(BOXES[:1]), scores=torch.ones(1))
    found = match_images([rotated], [upright])
    assert (len(found.lost), len(found.new)) == (1, 1)


def test_outputs_without_detections_are_compared_as_values():
    one, other = {"map": torch.zeros(2, 2)}, {"map": torch.ones(2, 2), "more": torch.ones(1)}
    first, second = compare_outputs(one, other)
    assert first.difference.largest == 1.0
    assert second.difference.remark == "in the second only"


def test_no_detections_at_all_are_the_same():
    empty = detections(BOXES[:0], (), ())
    found = match_images([empty], [empty])
    assert (found.num_one, found.num_matched, found.min_iou) == (0, 0, None)
    assert found.is_within(0.0)


def test_equal_boxes_match_even_if_they_are_empty_or_no_numbers():
    boxes = torch.tensor([[5.0, 5, 5, 9], [float("nan"), 0, 1, 1]])
    one = detections(boxes, (0.9, 0.8), (0, 1))
    found = match_images([one], [one])
    assert (found.num_matched, found.min_iou) == (2, 1.0)
    assert found.is_within(0.0)
    assert compare_values([one], [one[torch.tensor([1, 0])]]).matched == (2, 2)
