import pytest
import torch
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.models.detection.roi_heads import maskrcnn_loss

from composer.structures import BitMasks, Boxes, Instances
from composer_torchvision.mask_loss import torchvision_mask_loss
from composer_torchvision.retinanet_loss import torchvision_retinanet_loss

CELLS = torch.tensor([[0.0, 0.0, 8.0, 8.0], [8.0, 0.0, 16.0, 8.0], [16.0, 0.0, 24.0, 8.0]])
BOXES = Boxes(CELLS + torch.tensor([1.0, 0.0, 2.0, 1.0]))


def regions(count):
    corner = torch.rand(count, 2) * 20
    return Boxes(torch.cat((corner, corner + 5 + torch.rand(count, 2) * 20), dim=1))


def test_the_loss_of_masks_is_that_of_torchvision():
    boxes, indices = [regions(4), regions(2)], [torch.tensor([0, 1, 1, 0]), torch.tensor([0, 0])]
    masks = [torch.rand(2, 50, 50) > 0.4, torch.rand(1, 50, 50) > 0.4]
    labels = [torch.tensor([2, 0]), torch.tensor([1])]
    logits = torch.randn(6, 3, 14, 14)
    expected = maskrcnn_loss(
        logits, [one.tensor for one in boxes], [one.byte() for one in masks], labels, indices
    )
    classes = [label[index] for label, index in zip(labels, indices, strict=True)]
    targets = [Instances((50, 50), gt_masks=BitMasks(one)) for one in masks]
    found = torchvision_mask_loss(logits, boxes, classes, indices, targets)
    torch.testing.assert_close(found["loss_mask"], expected)


def test_objects_whose_masks_are_not_known_teach_nothing():
    logits = torch.randn(2, 2, 14, 14)
    masks = torch.zeros(2, 50, 50, dtype=torch.bool)
    masks[1] = True
    target = Instances((50, 50), gt_masks=BitMasks(masks))
    boxes, labels = Boxes([[5.0, 5.0, 30.0, 30.0]] * 2), torch.tensor([1, 1])
    pick = slice(1, 2)

    def loss_of(logits, boxes, labels, matched):
        found = torchvision_mask_loss(logits, [boxes], [labels], [matched], [target])
        return found["loss_mask"]

    both = loss_of(logits, boxes, labels, torch.tensor([0, 1]))
    alone = loss_of(logits[pick], boxes[pick], labels[pick], torch.tensor([1]))
    torch.testing.assert_close(both, alone)
    assert loss_of(logits, boxes, labels, torch.tensor([0, 0])) == 0


def test_no_regions_have_a_loss_of_masks_of_zero_with_a_gradient():
    logits = torch.zeros(0, 3, 14, 14, requires_grad=True)
    nothing = torch.zeros(0, dtype=torch.int64)
    targets = [Instances((50, 50), gt_masks=BitMasks(torch.zeros(0, 50, 50)))]
    loss = torchvision_mask_loss(logits, [Boxes([])], [nothing], [nothing], targets)["loss_mask"]
    assert loss.item() == 0
    loss.backward()


def test_masks_of_another_number_of_regions_are_refused():
    with pytest.raises(ValueError, match="1 regions, but masks of 2"):
        torchvision_mask_loss(torch.zeros(2, 3, 14, 14), [regions(1)], [], [], [])


@pytest.mark.parametrize(("kind", "theirs"), [("smooth_l1", "l1"), ("giou", "giou")])
def test_the_losses_of_retinanet_are_those_of_torchvision(kind, theirs):
    logits, deltas = torch.randn(2, 4, 1, 3), torch.randn(2, 4, 1, 3)
    head = RetinaNetHead(8, 1, 4)
    head.regression_head._loss_type = theirs
    labels = torch.tensor([2, 0, 3])
    matched = [torch.tensor([0, -2, 2]), torch.tensor([-1, -1, -1])]
    expected = head.compute_loss(
        [{"boxes": BOXES.tensor, "labels": labels}] * 2,
        {
            "cls_logits": logits.permute(0, 2, 3, 1).reshape(2, 3, 4),
            "bbox_regression": deltas.permute(0, 2, 3, 1).reshape(2, 3, 4),
        },
        [CELLS] * 2,
        matched,
    )
    found = torchvision_retinanet_loss(
        [CELLS],
        [logits],
        [deltas],
        [torch.tensor([2, -1, 3]), torch.tensor([4, 4, 4])],
        [BOXES] * 2,
        num_classes=4,
        bbox_reg_loss_type=kind,
    )
    torch.testing.assert_close(found["loss_cls"], expected["classification"])
    torch.testing.assert_close(found["loss_box_reg"], expected["bbox_regression"])


def test_no_images_have_losses_of_zero():
    maps = [torch.zeros(0, 4, 1, 3)]
    losses = torchvision_retinanet_loss([CELLS], maps, maps, [], [], num_classes=4)
    assert [loss.item() for loss in losses.values()] == [0.0, 0.0]
