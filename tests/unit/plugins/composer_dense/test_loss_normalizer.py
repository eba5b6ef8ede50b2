import copy

import pytest
import torch

from composer_dense.dense_losses import MovingNormalizer


def test_it_moves_a_tenth_of_the_way_to_each_number():
    normalizer = MovingNormalizer(initial=100.0)
    assert normalizer(200).item() == pytest.approx(110)
    assert normalizer(10).item() == pytest.approx(100)


def test_a_batch_counts_as_one_positive_at_least():
    assert MovingNormalizer(initial=100.0)(0).item() == pytest.approx(90.1)


def test_it_stays_as_it_is_in_evaluation():
    normalizer = MovingNormalizer(initial=100.0).eval()
    assert normalizer(200).item() == 100
    assert normalizer.train()(200).item() == pytest.approx(110)


def test_without_momentum_it_is_the_number_of_the_batch():
    normalizer = MovingNormalizer(initial=100.0, momentum=0.0).eval()
    assert normalizer(7).item() == 7


def test_it_is_no_weight_but_moves_and_is_copied_with_its_module():
    normalizer = MovingNormalizer(initial=100.0)
    normalizer(200)
    assert not normalizer.state_dict()
    assert copy.deepcopy(normalizer).value.item() == pytest.approx(110)
    assert normalizer.to(torch.float64)(0).dtype == torch.float64


def test_two_batches_can_pass_before_gradients_flow():
    normalizer, x = MovingNormalizer(initial=100.0), torch.ones((), requires_grad=True)
    first, second = x / normalizer(200), x / normalizer(200)
    (first + second).backward()
    assert x.grad.item() == pytest.approx(1 / 110 + 1 / 119)
