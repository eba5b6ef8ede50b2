"""The training nodes of rotated regions, held against upright ones where boxes lie flat."""

import pytest
import torch

from composer.events import EventStorage
from composer.structures import Boxes, RotatedBoxes
from composer_rcnn.box_loss import box_loss
from composer_rcnn.sampled_proposals import sampled_proposals
from strategies.rotated_boxes import lay_flat, random_corners, rotated_truth, truth_of

OBJECT = [30.0, 30.0, 20.0, 8.0, 30.0]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_flat_regions_are_sampled_as_by_the_ordinary_heads():
    flat, rotated = truth_of(random_corners(4))
    proposals = random_corners(60)
    options = {"num_classes": 3, "batch_size_per_image": 30, "iou_thresholds": (0.3,)}
    expected = sampled_proposals(
        [Boxes(proposals)] * 2, [flat, flat[:0]], generator=generator(), **options
    )
    found = sampled_proposals(
        [RotatedBoxes(lay_flat(proposals))] * 2,
        [rotated, rotated[:0]],
        generator=generator(),
        **options,
    )
    for name in ("classes", "matched_indices"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))
    for name in ("boxes", "matched_boxes"):
        for left, right in zip(getattr(found, name), getattr(expected, name), strict=True):
            torch.testing.assert_close(left.tensor, lay_flat(right.tensor))


def test_objects_are_regions_too_unless_that_is_switched_off():
    proposals, targets = [RotatedBoxes([])], [rotated_truth(OBJECT)]
    with EventStorage() as storage:
        found = sampled_proposals(proposals, targets, generator=generator(), num_classes=80)
    assert found.boxes[0].tensor.tolist() == [OBJECT]
    assert storage.latest()["roi_head/num_fg_samples"][0] == 1.0
    found = sampled_proposals(
        proposals, targets, generator=generator(), proposal_append_gt=False, num_classes=80
    )
    assert len(found.boxes[0]) == 0


def test_regions_between_the_thresholds_can_be_left_out():
    proposals = RotatedBoxes([[30.0, 30.0, 20.0, 8.0, 40.0], [30.0, 30.0, 20.0, 8.0, 120.0]])
    found = sampled_proposals(
        [proposals],
        [rotated_truth(OBJECT)],
        generator=generator(),
        iou_thresholds=(0.1, 0.95),
        iou_labels=(0, -1, 1),
        num_classes=9,
    )
    assert found.classes[0].tolist() == [0]


def test_as_many_targets_as_images_are_needed():
    with pytest.raises(ValueError, match="Proposals of 1 images, but targets of 2"):
        sampled_proposals(
            [RotatedBoxes([])], [rotated_truth(OBJECT)] * 2, generator=generator(), num_classes=80
        )


@pytest.mark.parametrize("agnostic", [True, False])
def test_flat_regions_have_the_box_loss_of_the_ordinary_heads(agnostic):
    regions, wanted, classes = (
        random_corners(6),
        random_corners(6),
        torch.tensor([0, 1, 2, 3, 1, -1]),
    )
    deltas = torch.randn(6, 1 if agnostic else 3, 4)
    options = {"num_classes": 3, "smooth_l1_beta": 0.5, "bbox_reg_loss_weight": 2.0}
    expected = box_loss(deltas.flatten(1), [Boxes(regions)], [classes], [Boxes(wanted)], **options)
    found = box_loss(
        torch.cat((deltas, torch.zeros(*deltas.shape[:2], 1)), dim=2).flatten(1),
        [RotatedBoxes(lay_flat(regions))],
        [classes],
        [RotatedBoxes(lay_flat(wanted))],
        **options,
    )
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_without_objects_losses_are_zero_with_a_gradient():
    deltas = torch.ones(2, 10, requires_grad=True)
    boxes = [RotatedBoxes([OBJECT, OBJECT])]
    losses = box_loss(deltas, boxes, [torch.tensor([2, 2])], boxes, num_classes=2)
    losses["loss_box_reg"].backward()
    assert losses["loss_box_reg"].item() == 0
    assert not deltas.grad.any()
    nothing = box_loss(torch.zeros(0, 5), [], [], [], num_classes=80)
    assert nothing["loss_box_reg"].item() == 0


def test_predictions_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="1 regions, but box offsets of 2"):
        box_loss(torch.zeros(2, 5), [RotatedBoxes([OBJECT])], [], [], num_classes=80)


def test_a_loss_of_overlaps_is_refused():
    boxes = [RotatedBoxes([OBJECT])]
    with pytest.raises(ValueError, match="'ciou' compares upright boxes"):
        box_loss(
            torch.zeros(1, 5),
            boxes,
            [torch.tensor([0])],
            boxes,
            bbox_reg_loss_type="ciou",
            num_classes=80,
        )
