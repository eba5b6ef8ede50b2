"""Configuration is held against what a spec can hold."""

import enum
from collections.abc import Callable
from typing import Annotated, Literal

import pytest
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from composer.node import read_contract
from composer.testing.configuration_checks import check_configuration


class Kind(enum.Enum):
    SUM = "sum"
    MEAN = "mean"


def plain(
    x: Tensor,
    *,
    required: int,
    name: Literal["a", "b"] = "a",
    sizes: tuple[int, ...] = (1, 2),
    ratios: tuple[tuple[float, ...], ...] = ((0.5, 1.0),),
    levels: list[str] | None = None,
    factors: dict[str, float] | None = None,
    limit: float = float("inf"),
    count: Annotated[int, Field(gt=0)] = 1,
    kind: Kind = Kind.SUM,
) -> Tensor:
    return x


def with_function(x: Tensor, *, activation: Callable[[Tensor], Tensor] = F.relu) -> Tensor:
    return x


def with_dtype(x: Tensor, *, dtype: torch.dtype) -> Tensor:
    return x


def with_size(x: Tensor, *, size: torch.Size = torch.Size((1, 2))) -> Tensor:  # noqa: B008
    return x


def with_refused_name(x: Tensor, *, name: Literal["a", "b"] = "c") -> Tensor:  # type: ignore
    return x


def with_refused_number(x: Tensor, *, count: Annotated[int, Field(gt=0)] = 0) -> Tensor:
    return x


def with_object(x: Tensor, *, value: object = torch.float32) -> Tensor:
    return x


def find(target):
    return list(check_configuration(read_contract(target)))


def test_plain_values_with_valid_defaults_pass():
    assert find(plain) == []


def test_type_that_no_spec_can_hold_is_reported():
    (reason,) = find(with_dtype)
    assert reason.startswith("the configuration 'dtype' is a dtype, which no spec can hold")


def test_function_as_default_is_told_as_type_and_as_default():
    type_reason, default_reason = find(with_function)
    assert "'activation' is a Callable, which no spec can hold" in type_reason
    assert default_reason.startswith("the default of 'activation', <function relu")
    assert default_reason.endswith("cannot be written in a spec")


def test_default_that_a_spec_would_write_in_another_form_is_reported():
    type_reason, default_reason = find(with_size)
    assert type_reason.startswith("the configuration 'size' is a Size")
    assert default_reason == (
        "the default of 'size' is refused when a spec writes it as [1, 2]: "
        "Input should be an instance of Size"
    )


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (
            with_refused_name,
            "the default of 'name', 'c', is refused by its own type: Input should be 'a' or 'b'",
        ),
        (
            with_refused_number,
            "the default of 'count', 0, is refused by its own type: Input should be greater than 0",
        ),
        (with_object, "the default of 'value', torch.float32, cannot be written in a spec"),
    ],
)
def test_default_that_does_not_hold_is_reported(target, reason):
    assert find(target) == [reason]
