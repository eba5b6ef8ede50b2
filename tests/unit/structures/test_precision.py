"""Precision of computations."""

import pytest
import torch

from composer.structures import at_least_float32


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_values_have_float32_at_least(given, expected):
    values = torch.tensor([1.5, -2.0], dtype=given)
    found = at_least_float32(values)
    assert found.dtype == expected
    assert found.tolist() == [1.5, -2.0]
