import math

import pytest
import torch

from composer.events import EventStorage
from composer.structures import Boxes
from composer.testing import check_node_type
from composer_dense.fcos_loss import FCOSLoss, measure_centerness

NUM_CLASSES = 3
CELLS = torch.tensor([[0.0, 0.0, 8.0, 8.0], [8.0, 0.0, 16.0, 8.0], [16.0, 0.0, 24.0, 8.0]])
OBJECT = torch.tensor([[0.0, 0.0, 16.0, 8.0]])  # around the first cell: 4, 4, 12, 4 pixels


def loss_of(classes, distances=None, centerness=None, module=None, logits=None):
    module = FCOSLoss(initial_normalizer=1.0).eval() if module is None else module
    distances = torch.ones(3, 4) if distances is None else distances
    centerness = torch.zeros(3) if centerness is None else centerness
    logits = torch.zeros(3, NUM_CLASSES) if logits is None else logits
    return module(
        [CELLS],
        [logits.T[None, :, None]],
        [distances.T[None, :, None]],
        [centerness[None, None, None]],
        [torch.tensor(classes)],
        [Boxes(OBJECT.repeat(3, 1))],
    )


def test_centerness_is_one_in_the_middle_and_falls_towards_the_edges():
    distances = torch.tensor([[2.0, 1.0, 2.0, 1.0], [1.0, 2.0, 3.0, 2.0], [1.0, 1.0, 4.0, 9.0]])
    expected = [1.0, math.sqrt(1 / 3), math.sqrt(1 / 36)]
    assert measure_centerness(distances).tolist() == pytest.approx(expected)
    assert measure_centerness(torch.zeros(0, 4)).shape == (0,)


def test_distances_that_lead_to_the_object_have_no_loss():
    distances = torch.tensor([[0.5, 0.5, 1.5, 0.5], [9.0] * 4, [9.0] * 4])
    found = loss_of([1, NUM_CLASSES, NUM_CLASSES], distances)
    assert found["loss_fcos_loc"].item() == pytest.approx(0, abs=1e-5)


def test_distances_are_compared_by_generalised_overlap():
    distances = torch.tensor([[0.5, 0.5, 0.5, 0.5], [9.0] * 4, [9.0] * 4])
    found = loss_of([1, NUM_CLASSES, NUM_CLASSES], distances)
    assert found["loss_fcos_loc"].item() == pytest.approx(0.5)


def test_centerness_has_a_loss_at_positive_cells():
    found = loss_of([1, NUM_CLASSES, NUM_CLASSES], centerness=torch.tensor([0.7, 5.0, 5.0]))
    wanted, p = math.sqrt(1 / 3), 1 / (1 + math.exp(-0.7))
    expected = -wanted * math.log(p) - (1 - wanted) * math.log(1 - p)
    assert found["loss_fcos_ctr"].item() == pytest.approx(expected)


def test_all_cells_have_a_loss_of_their_classes():
    found = loss_of([1, NUM_CLASSES, NUM_CLASSES])
    easy, hard = 0.75 * 0.25 * math.log(2), 0.25 * 0.25 * math.log(2)
    assert found["loss_fcos_cls"].item() == pytest.approx(8 * easy + hard)


def test_all_are_divided_by_the_moving_number_of_positives():
    plain, moving = loss_of([1, 3, 3]), loss_of([1, 3, 3], module=FCOSLoss().train())
    for name, loss in plain.items():
        assert moving[name].item() == pytest.approx(loss.item() / 270.1)


def test_the_number_of_positives_an_image_is_recorded():
    with EventStorage() as storage:
        loss_of([1, 0, 3])
    assert storage.latest() == {"num_pos_anchors": (2.0, 0)}


def test_without_objects_the_losses_are_finite_and_have_gradients():
    distances = torch.ones(3, 4, requires_grad=True)
    centerness, logits = torch.zeros(3, requires_grad=True), torch.zeros(3, 3, requires_grad=True)
    losses = loss_of([3, 3, 3], distances, centerness, logits=logits)
    assert [losses[name].item() for name in ("loss_fcos_loc", "loss_fcos_ctr")] == [0, 0]
    sum(losses.values()).backward()
    assert logits.grad.abs().sum() > 0
    assert not distances.grad.any()
    assert not centerness.grad.any()


def test_it_keeps_the_contract_of_node_types():
    inputs = {
        "anchors": [CELLS],
        "class_logits": [torch.randn(1, 3, 1, 3)],
        "edge_distances": [torch.randn(1, 4, 1, 3)],
        "centerness": [torch.randn(1, 1, 1, 3)],
        "classes": [torch.tensor([1, 3, 3])],
        "boxes": [Boxes(OBJECT.repeat(3, 1))],
    }
    check_node_type(FCOSLoss, inputs)


def test_without_momentum_losses_are_divided_by_the_positive_cells_of_the_batch():
    module = FCOSLoss(normalizer_momentum=0.0).train()
    loss_of([1, 2, 1], module=module)
    expected = loss_of([1, NUM_CLASSES, NUM_CLASSES])  # one positive cell, divided by 1
    found = loss_of([1, NUM_CLASSES, NUM_CLASSES], module=module)
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value.item())
