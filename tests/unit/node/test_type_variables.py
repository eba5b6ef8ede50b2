"""Type variables in port types: what they stand for, and what becomes of types that name them."""

from collections.abc import Sequence
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import pytest
from jaxtyping import Float
from torch import Tensor, nn
from typing_extensions import NamedTuple as GenericNamedTuple

from composer.errors import ContractError
from composer.node import (
    accepts,
    agree,
    bind,
    describe_type,
    fields_of,
    find_variables,
    read_contract,
    resolve,
    substitute,
    takes,
)
from composer.structures import Boxes, Features, PortType, RegionFeatures, RotatedBoxes

AnyBoxes = TypeVar("AnyBoxes", Boxes, RotatedBoxes)
Maps = TypeVar("Maps", Features, RegionFeatures)
Bound = TypeVar("Bound", bound=Boxes)
Free = TypeVar("Free")
Text = TypeVar("Text", bound="Boxes")


class Special(Boxes):
    pass


class MoreSpecial(Special):
    pass


Rotation = Float[Tensor, "N 2 2"]
Rows = Annotated[list[Tensor], PortType("Rows", of=AnyBoxes)]
UprightRows = Annotated[list[Tensor], PortType("Rows", of=Boxes)]
RotatedRows = Annotated[list[Tensor], PortType("Rows", of=RotatedBoxes)]


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (list[AnyBoxes], list[Boxes]),
        (list[AnyBoxes], list[RotatedBoxes]),
        (list[AnyBoxes], list[Boxes] | list[RotatedBoxes]),
        (list[AnyBoxes], list[AnyBoxes]),
        (list[AnyBoxes] | None, list[Boxes] | None),
        (list[Bound], list[Special]),
        (Free, Tensor),
        (Free, None),
        (Maps, Tensor),
        (Annotated[Free, PortType("Rows")], Tensor),
        (Annotated[AnyBoxes, PortType("Some")], Annotated[Boxes, PortType("Some")]),
        (Rows, UprightRows),
        (Rows, RotatedRows),
        (Rows, list[Tensor]),
        (Annotated[list[Tensor], PortType("Rows")], RotatedRows),
    ],
)
def test_a_variable_takes_each_of_its_alternatives(wanted, given):
    assert accepts(wanted, given)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (list[AnyBoxes], list[Tensor]),
        (list[AnyBoxes], list[Boxes] | None),
        (list[Boxes], list[AnyBoxes]),
        (list[Bound], list[RotatedBoxes]),
        (Maps, list[Boxes]),
        (UprightRows, RotatedRows),
        (UprightRows, Rows),
    ],
)
def test_a_variable_takes_nothing_else(wanted, given):
    assert not accepts(wanted, given)


@pytest.mark.parametrize(
    ("wanted", "given", "types"),
    [
        (list[AnyBoxes], list[RotatedBoxes], {AnyBoxes: RotatedBoxes}),
        (list[AnyBoxes], list[Special], {AnyBoxes: Boxes}),
        (list[AnyBoxes], list[Boxes | RotatedBoxes], {AnyBoxes: Boxes | RotatedBoxes}),
        (list[AnyBoxes], list[Boxes] | list[RotatedBoxes], {AnyBoxes: Boxes | RotatedBoxes}),
        (list[AnyBoxes], list[AnyBoxes], {AnyBoxes: Boxes | RotatedBoxes}),
        (Sequence[AnyBoxes] | None, list[Boxes] | None, {AnyBoxes: Boxes}),
        (list[Bound], list[Special], {Bound: Special}),
        (dict[str, Free], dict[str, Features], {Free: Features}),
        (Free | None, Features | None, {Free: Features}),
        (Maps, Features, {Maps: Features}),
        (Maps, Tensor, {Maps: RegionFeatures}),
        (Annotated[Free, PortType("Rows")], Annotated[Tensor, PortType("Rows")], {Free: Tensor}),
        (Rows, RotatedRows, {AnyBoxes: RotatedBoxes}),
        (Rows, list[Tensor], {}),
        (list[AnyBoxes], Any, {}),
        (list[AnyBoxes], list[Any], {}),
        (list[Boxes], list[Boxes], {}),
    ],
)
def test_what_is_wired_binds_a_variable(wanted, given, types):
    assert bind(wanted, given) == types


def test_two_uses_agree_on_the_wider_type_or_on_none():
    assert agree(Boxes, Boxes) is Boxes
    assert agree(Special, Boxes) is Boxes
    assert agree(Boxes | RotatedBoxes, Boxes) == Boxes | RotatedBoxes
    assert agree(Boxes, RotatedBoxes) is None


@pytest.mark.parametrize(
    ("annotation", "replaced"),
    [
        (AnyBoxes, RotatedBoxes),
        (list[AnyBoxes], list[RotatedBoxes]),
        (list[AnyBoxes] | None, list[RotatedBoxes] | None),
        (AnyBoxes | Tensor, RotatedBoxes | Tensor),
        (dict[str, tuple[AnyBoxes, ...]], dict[str, tuple[RotatedBoxes, ...]]),
        (Rows, RotatedRows),
        (list[Rows], list[RotatedRows]),
        (Annotated[list[AnyBoxes], "mark"], Annotated[list[RotatedBoxes], "mark"]),
        (list[Free], list[Free]),
        (Features, Features),
        (list[Rotation], list[Rotation]),
    ],
)
def test_variables_are_replaced_wherever_they_stand(annotation, replaced):
    assert substitute(annotation, {AnyBoxes: RotatedBoxes}) == replaced


def test_a_variable_that_is_open_is_one_of_its_alternatives_in_all_places():
    both = list[Boxes] | list[RotatedBoxes]
    assert resolve(list[AnyBoxes], {}) == both
    assert resolve(list[AnyBoxes], {AnyBoxes: Boxes | RotatedBoxes}) == both
    assert resolve(list[AnyBoxes], {AnyBoxes: Boxes}) == list[Boxes]
    assert resolve(list[Free], {Free: Boxes | None}) == list[Boxes | None]
    assert resolve(list[Free], {}) == list[Any]
    assert resolve(Features, {}) is Features


def test_variables_are_found_in_order_and_once():
    assert find_variables(dict[str, tuple[Free, Rows, Free]]) == (Free, AnyBoxes)
    assert find_variables(Features) == ()


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (list[AnyBoxes], "Boxes or RotatedBoxes per image"),
        (Free, "anything"),
        (list[Bound], "Boxes per image"),
        (Rows, "Rows of Boxes or RotatedBoxes"),
        (RotatedRows, "Rows of RotatedBoxes"),
    ],
)
def test_a_variable_is_described_by_its_alternatives(annotation, words):
    assert describe_type(annotation) == words


def test_a_value_may_be_any_of_the_alternatives():
    assert takes(list[AnyBoxes], [RotatedBoxes([])])
    assert takes(list[AnyBoxes], [Boxes([])])
    assert not takes(list[AnyBoxes], [1.0])
    assert takes(Free, 1.0)


class Plain(NamedTuple):
    boxes: list[AnyBoxes]
    scores: Tensor


class Sampled(GenericNamedTuple, Generic[Free]):
    boxes: list[Free]
    scores: Tensor


def plain_pair(boxes: list[AnyBoxes]) -> Plain:
    raise NotImplementedError


def own_pair(boxes: list[AnyBoxes]) -> Sampled[AnyBoxes]:
    raise NotImplementedError


def upright_pair(boxes: list[Boxes]) -> Sampled[Boxes]:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("target", "boxes"), [(plain_pair, AnyBoxes), (own_pair, AnyBoxes), (upright_pair, Boxes)]
)
def test_a_named_tuple_may_name_variables(target, boxes):
    contract = read_contract(target)
    assert contract.named_outputs
    assert contract.outputs == {"boxes": list[boxes], "scores": Tensor}


def test_a_generic_named_tuple_without_arguments_keeps_its_own_variables():
    assert fields_of(Sampled) == {"boxes": list[Free], "scores": Tensor}


def test_an_alternative_that_is_written_as_text_is_refused():
    def crop(boxes: list[Text]) -> Tensor:
        raise NotImplementedError

    with pytest.raises(ContractError, match="type variable Text names 'Boxes' as text"):
        read_contract(crop)


def test_shapes_are_passed_on_by_the_input_of_the_same_variable():
    class Select(nn.Module):
        def forward(self, x: Free, other: Tensor, y: Features) -> Free:
            raise NotImplementedError

    def count(x: Free, y: Features) -> Features:
        raise NotImplementedError

    assert read_contract(Select).find_passing_port(["x", "other", "y"]) == "x"
    assert read_contract(count).find_passing_port(["x", "y"]) == "y"
