from typing import Literal

import pytest
from torch import nn

from composer.node import describe_field, read_contract
from composer.ranges import CellOffset, Channels, Fraction, Positive, PositiveInt, Probability


class Sized(nn.Module):
    def __init__(
        self,
        *,
        plain: int | None = None,
        count: PositiveInt = 1,
        share: Fraction = 0.5,
        start: CellOffset = 0.0,
        prior: Probability = 0.1,
        optional: PositiveInt | None = None,
        sizes: tuple[tuple[Positive, ...], ...] = (),
        channels: tuple[Channels, ...] = (),
        names: dict[str, PositiveInt] | None = None,
        kind: Literal["a", "b"] = "a",
        pairs: list[tuple[Fraction, str]] | None = None,
    ) -> None: ...

    def forward(self, x: str) -> str: ...


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("plain", "int or nothing"),
        ("count", "1 <= int"),
        ("share", "0 <= float <= 1"),
        ("start", "0 <= float < 1"),
        ("prior", "0 < float < 1"),
        ("optional", "1 <= int or nothing"),
        ("sizes", "tuple[tuple[0 < float, ...], ...]"),
        ("channels", "tuple[1 <= int or Literal[-1], ...]"),
        ("names", "dict[str, 1 <= int] or nothing"),
        ("kind", "Literal['a', 'b']"),
        ("pairs", "list[tuple[0 <= float <= 1, str]] or nothing"),
    ],
)
def test_types_of_configuration_values_tell_their_range(name, words):
    assert describe_field(read_contract(Sized).config.model_fields[f"field_{name}"]) == words
