import pytest
import torch

from composer.structures import Boxes
from composer_rcnn.box_loss import box_loss

REGIONS = [Boxes([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 10.0]]), Boxes([[5.0, 5.0, 9.0, 9.0]])]
WANTED = [Boxes([[1.0, 0.0, 11.0, 10.0], [0.0, 0.0, 10.0, 10.0]]), Boxes([[0.0, 0.0, 0.0, 0.0]])]
CLASSES = [torch.tensor([1, 0]), torch.tensor([2])]  # of two classes: the last is background


def loss_of(deltas, classes=CLASSES, **options):
    losses = box_loss(deltas, REGIONS, classes, WANTED, **{"num_classes": 2, **options})
    return losses["loss_box_reg"]


@pytest.mark.parametrize("num_regressions", [1, 2])
def test_only_objects_count_but_all_regions_divide(num_regressions):
    loss = loss_of(torch.zeros(3, 4 * num_regressions))
    assert loss.item() == pytest.approx(10 * 0.1 / 3)


def test_each_region_learns_the_offsets_of_its_class():
    deltas = torch.zeros(3, 8)
    deltas[0, 4] = 1.0  # what is wanted
    deltas[1, 4:] = 100.0  # of another class
    deltas[2] = 100.0  # background
    assert loss_of(deltas).item() == pytest.approx(0, abs=1e-6)


def test_boxes_are_compared_in_the_way_that_is_asked_for():
    deltas = torch.zeros(3, 4)
    assert loss_of(deltas, smooth_l1_beta=2.0).item() == pytest.approx(0.5 / 2 / 3)
    assert loss_of(deltas, bbox_reg_loss_type="giou").item() == pytest.approx((1 - 9 / 11) / 3)
    assert loss_of(deltas, box_weights=(1.0,) * 4).item() == pytest.approx(0.1 / 3)
    assert loss_of(deltas, bbox_reg_loss_weight=6.0).item() == pytest.approx(6 / 3)


def test_without_objects_the_loss_is_zero_with_a_gradient():
    deltas = torch.ones(3, 8, requires_grad=True)
    loss = loss_of(deltas, [torch.tensor([2, 2]), torch.tensor([2])])
    loss.backward()
    assert loss.item() == 0
    assert not deltas.grad.any()


def test_no_images_have_a_loss_of_zero():
    assert box_loss(torch.zeros(0, 8), [], [], [], num_classes=80)["loss_box_reg"].item() == 0


def test_stages_have_names_of_their_own():
    losses = box_loss(torch.zeros(3, 4), REGIONS, CLASSES, WANTED, num_classes=2, stage=2)
    assert list(losses) == ["loss_box_reg_stage2"]


def test_there_are_offsets_for_every_region():
    with pytest.raises(ValueError, match="3 regions, but box offsets of 2"):
        loss_of(torch.zeros(2, 4))
