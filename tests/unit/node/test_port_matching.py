"""Which output fits which input, and what port types are called."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import pytest
from jaxtyping import Float
from torch import Tensor

from composer.node import accepts, describe_type, fields_of
from composer.structures import (
    Anchors,
    Boxes,
    Features,
    ImageBatch,
    Instances,
    MaskLogits,
    PortType,
    RegionFeatures,
)


class Special(Boxes):
    pass


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (Tensor, Tensor),
        (Any, Tensor),
        (Tensor, Any),
        (object, Features),
        (Tensor, RegionFeatures),
        (RegionFeatures, Tensor),
        (RegionFeatures, RegionFeatures),
        (RegionFeatures, Annotated[Tensor, PortType("RegionFeatures", package="composer")]),
        (Float[Tensor, "N 4"], Tensor),
        (Tensor, Float[Tensor, "N 4"]),
        (dict[str, Tensor], Features),
        (Mapping[str, Tensor], Features),
        (dict, Features),
        (list[Boxes], list[Boxes]),
        (list[Boxes], list[Special]),
        (Sequence[Boxes], list[Boxes]),
        (list, list[Boxes]),
        (list[Any], list[Boxes]),
        (list[Tensor], Anchors),
        (Tensor | None, Tensor),
        (Tensor | None, Tensor | None),
        (Tensor | list[Boxes], list[Boxes]),
        (Tensor | list[Boxes] | None, Tensor | list[Boxes]),
    ],
)
def test_what_fits(wanted, given):
    assert accepts(wanted, given)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (RegionFeatures, MaskLogits),
        (Features, Tensor),
        (Tensor, Features),
        (list[Boxes], Features),
        (list[Boxes], list[Instances]),
        (list[Special], list[Boxes]),
        (list[Boxes], Boxes),
        (Boxes, list[Boxes]),
        (Tensor, Tensor | None),
        (Tensor, Tensor | list[Boxes]),
        (int, Tensor),
        (Anchors, list[Boxes]),
        (RegionFeatures, Annotated[Tensor, PortType("RegionFeatures")]),
    ],
)
def test_what_does_not_fit(wanted, given):
    assert not accepts(wanted, given)


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Tensor, "Tensor"),
        (Features, "Features"),
        (list[Boxes], "Boxes per image"),
        (list[RegionFeatures], "RegionFeatures per image"),
        (Tensor | None, "Tensor or nothing"),
        (Tensor | list[Boxes] | None, "Tensor or Boxes per image or nothing"),
        (Any, "anything"),
        (Float[Tensor, "N 4"], "Tensor"),
        (dict[str, int], "dict[str, int]"),
        (int, "int"),
    ],
)
def test_types_are_described_in_words(annotation, words):
    assert describe_type(annotation) == words


class Pair(NamedTuple):
    left: Tensor
    right: list[Boxes]


class Holder:
    @property
    def typed(self) -> Features:
        raise NotImplementedError

    @property
    def untyped(self):
        raise NotImplementedError

    @property
    def _hidden(self) -> Tensor:
        raise NotImplementedError

    def method(self) -> Tensor:
        raise NotImplementedError


def test_fields_of_a_named_tuple_and_typed_properties_can_be_addressed():
    assert fields_of(Pair) == {"left": Tensor, "right": list[Boxes]}
    assert fields_of(Annotated[Pair, "mark"]) == fields_of(Pair)
    assert fields_of(Holder) == {"typed": Features}
    assert fields_of(list[Pair]) == fields_of(Any) == {}
    assert fields_of(ImageBatch)["instances"] == list[Instances]
