import pytest
import torch
import torch.nn.functional as F

from composer.events import EventStorage
from composer_rcnn.class_loss import ClassLoss
from composer_rcnn.classification import draw_federated_classes

CLASSES = [torch.tensor([0, 2]), torch.tensor([], dtype=torch.int64), torch.tensor([3])]
LOGITS = torch.tensor([[2.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 3.0], [0.0, 0.0, 0.0, 4.0]])


def loss_of(logits=LOGITS, classes=CLASSES, seed=0, **options):
    module = ClassLoss(num_classes=logits.shape[1] - 1, **options)
    return module(logits, classes, torch.Generator().manual_seed(seed))


def test_softmax_loss_is_the_mean_over_all_regions():
    loss = loss_of()["loss_cls"]
    torch.testing.assert_close(loss, F.cross_entropy(LOGITS, torch.tensor([0, 2, 3])))


def test_a_weight_scales_the_loss():
    for options in ({}, {"use_sigmoid_ce": True}):
        half = loss_of(loss_weight=0.5, **options)["loss_cls"]
        torch.testing.assert_close(2 * half, loss_of(**options)["loss_cls"])


def test_sigmoid_loss_judges_each_class_and_not_the_background():
    loss = loss_of(use_sigmoid_ce=True)["loss_cls"]
    wanted = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, 0, 0]])
    each = F.binary_cross_entropy_with_logits(LOGITS[:, :3], wanted, reduction="none")
    torch.testing.assert_close(loss, each.sum() / 3)


def test_federated_loss_leaves_classes_out_that_are_neither_there_nor_drawn():
    options = {"use_sigmoid_ce": True, "use_fed_loss": True}
    wanted = torch.tensor([[1.0, 0], [0, 1], [0, 0]])
    each = F.binary_cross_entropy_with_logits(LOGITS[:, [0, 2]], wanted, reduction="none")
    for number in (0, 3):
        loss = loss_of(fed_loss_num_classes=number, **options)["loss_cls"]
        torch.testing.assert_close(loss, each.sum() / 3)
    loss = loss_of(fed_loss_num_classes=4, **options)
    torch.testing.assert_close(loss, loss_of(use_sigmoid_ce=True))


def test_drawn_classes_are_those_that_are_there_and_as_many_others_as_are_wanted():
    weights = torch.ones(10)
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        counts = draw_federated_classes(torch.tensor([3, 3, 10]), 5, weights, generator)
        assert counts[3]
        assert counts.sum() == 4  # the background is the fifth


def test_classes_without_images_are_not_drawn():
    weights = torch.tensor([1.0, 0.0, 1.0, 0.0])
    counts = draw_federated_classes(torch.tensor([0]), 50, weights, torch.Generator())
    assert counts.tolist() == [True, False, True, False]


@pytest.mark.parametrize("options", [{}, {"use_sigmoid_ce": True}])
def test_no_regions_have_a_loss_of_zero_with_a_gradient(options):
    logits = torch.zeros(0, 4, requires_grad=True)
    loss = loss_of(logits, [CLASSES[1]], **options)["loss_cls"]
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.shape == (0, 4)


def test_stages_have_names_of_their_own():
    with EventStorage() as storage:
        assert list(loss_of(stage=1)) == ["loss_cls_stage1"]
    assert all(name.startswith("stage1/fast_rcnn/") for name in storage.latest())


def test_accuracies_are_recorded():
    with EventStorage() as storage:
        loss_of()
    latest = {name: value for name, (value, _) in storage.latest().items()}
    assert latest == {
        "fast_rcnn/cls_accuracy": pytest.approx(2 / 3),
        "fast_rcnn/fg_cls_accuracy": 0.5,
        "fast_rcnn/false_negative": 0.5,
    }


def test_without_objects_their_accuracy_is_not_recorded():
    with EventStorage() as storage:
        loss_of(LOGITS[:1], [torch.tensor([3])])
        loss_of(LOGITS[:0], [])
    assert storage.latest() == {"fast_rcnn/cls_accuracy": (0.0, 0)}


def test_rarer_classes_are_drawn_less_often():
    options = {"use_sigmoid_ce": True, "use_fed_loss": True, "fed_loss_freq_weight_power": 0.5}
    module = ClassLoss(num_classes=2, fed_loss_class_counts=(4.0, 1.0), **options)
    assert module.chances.tolist() == [2.0, 1.0]
    assert not module.state_dict()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"use_fed_loss": True}, "needs use_sigmoid_ce"),
        ({"fed_loss_class_counts": (1.0, 2.0)}, "numbers for 2 classes, but there are 80"),
    ],
)
def test_what_does_not_go_together_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ClassLoss(num_classes=80, **options)


def test_there_is_a_prediction_for_every_region():
    with pytest.raises(ValueError, match="3 regions, but class logits of 2"):
        loss_of(LOGITS[:2])


def test_there_are_logits_for_every_class():
    module = ClassLoss(num_classes=80)
    with pytest.raises(ValueError, match=r"4 class logits .* 3 classes .* num_classes is 80"):
        module(LOGITS, CLASSES, torch.Generator())
