"""The contract of a node type, read from its signatures."""

import copy
import pickle
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from torch import Generator, Tensor, nn

from composer.errors import ContractError
from composer.node import configured, read_contract
from composer.structures import TensorShape
from sample_nodes import Linear, Noise, shift, split


class Parts(NamedTuple):
    one: Tensor
    two: list[Tensor]


class Full(nn.Module):
    """Does everything.

    And says more about it.

    Args:
        x_shape: filled in.
        size: how large,
            on two lines.
        kind (str): which kind.
        json: a name that pydantic has for itself.
    """

    def __init__(
        self,
        *,
        x_shape: TensorShape,
        size: int,
        kind: Literal["a", "b"] = "a",
        sizes: tuple[int, ...] = (1, 2),
        json: str = "",
        model_config: str = "",
    ) -> None:
        super().__init__()

    def forward(
        self, x: Tensor, other: Tensor | None = None, *, generator: Generator, last: float = 1.0
    ) -> Parts:
        raise NotImplementedError


def test_a_class_tells_its_configuration_shapes_ports_and_outputs():
    contract = read_contract(Full)
    assert contract.is_module
    assert contract.takes_generator
    assert contract.shapes == {"x_shape": "x"}
    assert {name: port.optional for name, port in contract.inputs.items()} == {
        "x": False,
        "other": True,
        "last": True,
    }
    assert contract.outputs == {"one": Tensor, "two": list[Tensor]}
    assert contract.named_outputs
    assert contract.first_output == "one"
    assert contract.summary == "Does everything."


def test_configuration_is_checked_completed_and_described():
    model = read_contract(Full).config
    assert configured(model.model_validate({"size": 3, "sizes": [4]})) == {
        "size": 3,
        "kind": "a",
        "sizes": (4,),
        "json": "",
        "model_config": "",
    }
    described = model.model_json_schema(by_alias=True)["properties"]
    assert described["size"]["description"] == "how large, on two lines."
    assert described["kind"]["description"] == "which kind."


def test_a_function_has_ports_by_position_and_configuration_by_keyword():
    contract = read_contract(shift)
    assert not contract.is_module
    assert list(contract.inputs) == ["x"]
    assert configured(contract.config.model_validate({})) == {"by": 1.0}
    assert contract.outputs == {"output": Tensor}
    assert not contract.named_outputs


def test_a_function_may_take_a_generator_and_a_shape():
    def draw(x: Tensor, *, x_shape: TensorShape, generator: Generator, many: int = 1) -> Tensor:
        raise NotImplementedError

    contract = read_contract(draw)
    assert contract.takes_generator
    assert contract.shapes == {"x_shape": "x"}
    assert list(contract.inputs) == ["x"]
    assert configured(contract.config.model_validate({})) == {"many": 1}


def test_a_class_without_a_constructor_has_no_configuration():
    contract = read_contract(Noise)
    assert configured(contract.config.model_validate({})) == {}
    assert list(contract.inputs) == ["x"]


def test_marks_on_types_are_kept():
    def mark(x: Annotated[Tensor, "mark"]) -> Annotated[Tensor, "other"]:
        return x

    contract = read_contract(mark)
    assert contract.inputs["x"].type == Annotated[Tensor, "mark"]
    assert contract.outputs["output"] == Annotated[Tensor, "other"]


class NoAnnotation(nn.Module):
    def forward(self, x) -> Tensor: ...


class NoReturn(nn.Module):
    def forward(self, x: Tensor): ...


class NothingReturned(nn.Module):
    def forward(self, x: Tensor) -> None: ...


class Open(nn.Module):
    def __init__(self, **options: int) -> None: ...
    def forward(self, x: Tensor) -> Tensor: ...


class OpenPorts(nn.Module):
    def forward(self, *x: Tensor) -> Tensor: ...


class NoForward(nn.Module):
    pass


class WrongShape(nn.Module):
    def __init__(self, *, y_shape: TensorShape) -> None: ...
    def forward(self, x: Tensor) -> Tensor: ...


class Unreadable(nn.Module):
    def forward(self, x: "NoSuchType") -> Tensor: ...


class Odd:
    __get_pydantic_core_schema__ = 1


class OddConfiguration(nn.Module):
    def __init__(self, *, size: Annotated[int, Odd()]) -> None: ...
    def forward(self, x: Tensor) -> Tensor: ...


def positional(x: Tensor, /) -> Tensor: ...


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (NoAnnotation, "`x` of forward has no type annotation"),
        (NoReturn, "forward has no return annotation"),
        (NothingReturned, "forward has no return annotation"),
        (Open, "__init__ takes .*options; a node type names every parameter"),
        (OpenPorts, "forward takes .*x; a node type names every parameter"),
        (NoForward, "it has no `forward`"),
        (WrongShape, "`y_shape` of __init__ names no parameter of forward"),
        (Unreadable, "the annotations of forward cannot be read: name 'NoSuchType'"),
        (OddConfiguration, "its configuration cannot be checked"),
        (positional, "`x` of positional cannot be given by name"),
        (int, "a node type is a subclass of torch.nn.Module or a function"),
        (3, "a node type is a subclass of torch.nn.Module or a function"),
        (lambda x: x, "`x` of <lambda> has no type annotation"),
    ],
)
def test_what_cannot_be_a_node_type_is_refused_with_a_reason(target, reason):
    with pytest.raises(ContractError, match=reason):
        read_contract(target)


@pytest.mark.parametrize("target", [Full, Linear, split, shift])
def test_a_contract_can_be_pickled_and_copied(target):
    contract = read_contract(target)
    again = pickle.loads(pickle.dumps(contract))
    assert again.target is target
    assert again.inputs == contract.inputs
    assert copy.deepcopy(contract) is contract


def test_any_annotation_of_a_port_is_taken_as_it_is():
    def anything(x: Any, y: object, z: "list[Tensor] | None" = None) -> Any:
        return x

    contract = read_contract(anything)
    assert contract.inputs["z"].type == list[Tensor] | None
