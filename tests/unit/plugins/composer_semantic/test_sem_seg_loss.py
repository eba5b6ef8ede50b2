import math

import pytest
import torch

from composer.structures import ImageList
from composer.testing import check_node_type
from composer_semantic.sem_seg_loss import pad_targets, sem_seg_loss

IGNORED = 255


def images_of(height, width, count=1):
    return ImageList(torch.zeros(count, 3, height, width), [(height, width)] * count)


def loss_of(logits, targets, **options):
    height, width = logits.shape[-2:]
    images = images_of(height, width, len(logits))
    return sem_seg_loss(logits, images, targets, **options)["loss_sem_seg"]


def test_it_is_the_mean_over_the_pixels_that_count():
    logits = torch.randn(2, 3, 2, 2)
    targets = [torch.tensor([[0, 1], [2, IGNORED]]), torch.full((2, 2), IGNORED)]
    log_probabilities = logits.log_softmax(dim=1)[0]
    expected = -(
        log_probabilities[0, 0, 0] + log_probabilities[1, 0, 1] + log_probabilities[2, 1, 0]
    )
    torch.testing.assert_close(loss_of(logits, targets), expected / 3)


def test_padding_does_not_count():
    logits = torch.zeros(1, 4, 8, 8)
    assert loss_of(logits, [torch.zeros(1, 1, dtype=torch.long)]).item() == (
        pytest.approx(math.log(4))
    )


def test_logits_are_brought_to_the_resolution_of_the_images():
    logits = torch.tensor([[[[8.0, -8.0]], [[-8.0, 8.0]]]])
    left_and_right = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1]] * 4)
    loss = sem_seg_loss(logits, images_of(4, 8), [left_and_right])["loss_sem_seg"]
    assert loss.item() < 0.1
    wrong = sem_seg_loss(logits, images_of(4, 8), [1 - left_and_right])["loss_sem_seg"]
    assert wrong.item() > 5


def test_it_can_be_weighted():
    logits, targets = torch.randn(1, 3, 2, 2), [torch.zeros(2, 2, dtype=torch.long)]
    torch.testing.assert_close(
        loss_of(logits, targets, loss_weight=0.5), 0.5 * loss_of(logits, targets)
    )


def test_another_class_can_be_ignored():
    logits = torch.randn(1, 3, 1, 2)
    loss = loss_of(logits, [torch.tensor([[7, 1]])], ignore_value=7)
    torch.testing.assert_close(loss, -logits.log_softmax(dim=1)[0, 1, 0, 1])


@pytest.mark.parametrize("targets", [[torch.full((2, 2), IGNORED)], []])
def test_where_no_pixel_counts_the_loss_is_zero_with_a_gradient(targets):
    logits = torch.randn(len(targets), 3, 2, 2, requires_grad=True)
    loss = loss_of(logits, targets)
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_classes_may_be_integers_of_any_size(dtype):
    targets = [torch.tensor([[0, IGNORED]], dtype=dtype)]
    assert pad_targets(targets, (2, 2), IGNORED).tolist() == [[[0, IGNORED], [IGNORED, IGNORED]]]


def test_targets_that_do_not_fit_are_refused():
    logits = torch.zeros(1, 3, 2, 2)
    with pytest.raises(ValueError, match="targets of 2 images for 1 images"):
        loss_of(logits, [torch.zeros(2, 2, dtype=torch.long)] * 2)
    with pytest.raises(ValueError, match="Image 0: 'sem_seg' is 3 x 2, larger"):
        loss_of(logits, [torch.zeros(3, 2, dtype=torch.long)])


def test_it_keeps_the_contract_of_node_types():
    inputs = {
        "logits": torch.randn(1, 3, 2, 2),
        "images": images_of(8, 8),
        "targets": [torch.zeros(8, 7, dtype=torch.long)],
    }
    check_node_type(sem_seg_loss, inputs, mode="training")
