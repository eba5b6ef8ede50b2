"""The training nodes for rotated boxes, held against the ordinary ones where boxes lie flat."""

import math

import pytest
import torch

from composer.events import EventStorage
from composer.structures import Boxes, ImageList, Instances, RotatedBoxes
from composer_rcnn.box_loss import box_loss
from composer_rcnn.sampled_proposals import sampled_proposals
from composer_rotated.box_loss import rotated_box_loss
from composer_rotated.rpn_losses import rotated_rpn_losses
from composer_rotated.rpn_targets import rotated_rpn_targets
from composer_rotated.sampled_proposals import rotated_sampled_proposals
from composer_rpn.rpn_losses import rpn_losses
from composer_rpn.rpn_targets import rpn_targets
from strategies.rotated_boxes import lay_flat

OBJECT = [30.0, 30.0, 20.0, 8.0, 30.0]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_boxes(count):
    corners = torch.rand(count, 2) * 60
    return torch.cat((corners, corners + 5 + torch.rand(count, 2) * 40), dim=1)


def truth_of(rows, classes=None):
    classes = torch.arange(len(rows)) % 3 if classes is None else classes
    flat = Instances((99, 99), gt_boxes=Boxes(rows), gt_classes=classes)
    return flat, Instances((99, 99), gt_boxes=RotatedBoxes(lay_flat(rows)), gt_classes=classes)


def rotated_truth(*rows):
    classes = torch.arange(len(rows))
    return Instances((99, 99), gt_boxes=RotatedBoxes(list(rows)), gt_classes=classes)


def test_flat_anchors_are_labelled_as_by_the_ordinary_rpn():
    flat, rotated = truth_of(random_boxes(3))
    anchors = [random_boxes(50), random_boxes(20)]
    options = {"batch_size_per_image": 20, "positive_fraction": 0.25}
    images = ImageList(torch.zeros(2, 3, 99, 99), [(99, 99)] * 2)
    expected = rpn_targets(images, anchors, [flat, flat[:0]], generator=generator(), **options)
    found = rotated_rpn_targets(
        [lay_flat(level) for level in anchors],
        [rotated, rotated[:0]],
        generator=generator(),
        **options,
    )
    torch.testing.assert_close(found.labels, expected.labels)
    is_object = expected.labels[0] == 1
    torch.testing.assert_close(
        found.boxes[0].tensor[is_object], lay_flat(expected.boxes[0].tensor[is_object])
    )
    assert len(found.boxes[1]) == 70


def test_the_turn_of_an_anchor_decides_what_it_is():
    anchors = torch.tensor([OBJECT] * 3)
    anchors[:, 4] += torch.tensor([0.0, 90.0, 180.0])
    found = rotated_rpn_targets([anchors], [rotated_truth(OBJECT)], generator=generator())
    assert found.labels[0].tolist() == [1, 0, 1]


def test_flat_boxes_have_the_losses_of_the_ordinary_rpn():
    anchors, wanted = random_boxes(6), random_boxes(6)
    objectness, deltas = torch.randn(1, 2, 1, 3), torch.randn(1, 2, 4, 1, 3)
    labels = [torch.tensor([1, 0, 1, -1, 1, 0])]
    options = {"batch_size_per_image": 4, "smooth_l1_beta": 0.1, "loss_weight": 2.0}
    expected = rpn_losses(
        [anchors], [objectness], [deltas.flatten(1, 2)], labels, [Boxes(wanted)], **options
    )
    flat = torch.cat((deltas, torch.zeros(1, 2, 1, 1, 3)), dim=2).flatten(1, 2)
    found = rotated_rpn_losses(
        [lay_flat(anchors)],
        [objectness],
        [flat],
        labels,
        [RotatedBoxes(lay_flat(wanted))],
        **options,
    )
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_an_rpn_learns_the_turn_in_radians():
    anchors, wanted = torch.tensor([OBJECT]), RotatedBoxes([OBJECT]).tensor.clone()
    wanted[0, 4] += 45
    with EventStorage() as storage:
        losses = rotated_rpn_losses(
            [anchors],
            [torch.zeros(1, 1, 1, 1)],
            [torch.zeros(1, 5, 1, 1)],
            [torch.tensor([1])],
            [RotatedBoxes(wanted)],
            batch_size_per_image=2,
            box_weights=(1.0, 1.0, 1.0, 1.0, 3.0),
        )
    assert losses["loss_rpn_loc"].item() == pytest.approx(3 * math.pi / 4 / 2)
    assert storage.latest()["rpn/num_pos_anchors"][0] == 1.0


def test_flat_regions_are_sampled_as_by_the_ordinary_heads():
    flat, rotated = truth_of(random_boxes(4))
    proposals = random_boxes(60)
    options = {"num_classes": 3, "batch_size_per_image": 30, "iou_thresholds": (0.3,)}
    expected = sampled_proposals(
        [Boxes(proposals)] * 2, [flat, flat[:0]], generator=generator(), **options
    )
    found = rotated_sampled_proposals(
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
        found = rotated_sampled_proposals(proposals, targets, generator=generator())
    assert found.boxes[0].tensor.tolist() == [OBJECT]
    assert storage.latest()["roi_head/num_fg_samples"][0] == 1.0
    found = rotated_sampled_proposals(
        proposals, targets, generator=generator(), proposal_append_gt=False
    )
    assert len(found.boxes[0]) == 0


def test_regions_between_the_thresholds_can_be_left_out():
    proposals = RotatedBoxes([[30.0, 30.0, 20.0, 8.0, 40.0], [30.0, 30.0, 20.0, 8.0, 120.0]])
    found = rotated_sampled_proposals(
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
        rotated_sampled_proposals(
            [RotatedBoxes([])], [rotated_truth(OBJECT)] * 2, generator=generator()
        )


@pytest.mark.parametrize("agnostic", [True, False])
def test_flat_regions_have_the_box_loss_of_the_ordinary_heads(agnostic):
    regions, wanted, classes = random_boxes(6), random_boxes(6), torch.tensor([0, 1, 2, 3, 1, -1])
    deltas = torch.randn(6, 1 if agnostic else 3, 4)
    options = {"num_classes": 3, "smooth_l1_beta": 0.5, "bbox_reg_loss_weight": 2.0}
    expected = box_loss(deltas.flatten(1), [Boxes(regions)], [classes], [Boxes(wanted)], **options)
    found = rotated_box_loss(
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
    losses = rotated_box_loss(deltas, boxes, [torch.tensor([2, 2])], boxes, num_classes=2)
    losses["loss_box_reg"].backward()
    assert losses["loss_box_reg"].item() == 0
    assert not deltas.grad.any()
    nothing = rotated_box_loss(torch.zeros(0, 5), [], [], [])
    assert nothing["loss_box_reg"].item() == 0


def test_predictions_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="1 regions, but box offsets of 2"):
        rotated_box_loss(torch.zeros(2, 5), [RotatedBoxes([OBJECT])], [], [])
    with pytest.raises(ValueError, match=r"Labels of \(1, 2\) .* objectness of \(1, 1\)"):
        rotated_rpn_losses(
            [torch.tensor([OBJECT])],
            [torch.zeros(1, 1, 1, 1)],
            [torch.zeros(1, 5, 1, 1)],
            [torch.tensor([1, 0])],
            [RotatedBoxes([OBJECT])],
        )
