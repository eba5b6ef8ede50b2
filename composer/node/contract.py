"""Reads a node type's contract from its signatures."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ForwardRef, TypeVar, get_args, get_origin

from pydantic import BaseModel
from torch import nn

from composer.errors import ContractError
from composer.node.parameters import Parameters, configuration_model, read_hints, read_parameters
from composer.node.port_matching import accepts, members, plain
from composer.node.type_variables import find_variables, substitute

_GENERATOR = "generator"
_SHAPE = "_shape"
SINGLE_OUTPUT = "output"


@dataclass(frozen=True)
class InputPort:
    """An input port.

    Args:
        name: its name.
        type: its annotation.
        optional: whether it may stay unconnected.
    """

    name: str
    type: Any
    optional: bool


@dataclass(frozen=True)
class Contract:
    """The ports, configuration and documentation of a node type, read from its signatures.

    Args:
        target: the class or function.
        is_module: whether it is a class of modules.
        config: pydantic model of its configuration.
        shapes: for each `<port>_shape` parameter, the port.
        inputs: the input ports by name.
        outputs: the types of the output ports by name.
        named_outputs: whether the outputs are the fields of a NamedTuple.
        takes_generator: whether it takes a `generator`.
        draws_in_inference: whether it gets one in inference, too: it has no default.
        doc: its docstring.
    """

    target: Callable[..., Any]
    is_module: bool
    config: type[BaseModel]
    shapes: Mapping[str, str]
    inputs: Mapping[str, InputPort]
    outputs: Mapping[str, Any]
    named_outputs: bool
    takes_generator: bool
    draws_in_inference: bool
    doc: str

    def __reduce__(self) -> tuple[Any, ...]:
        # The model of the configuration has no name to be found by; it is made again.
        return read_contract, (self.target,)

    def __deepcopy__(self, _memo: object) -> Contract:
        return self

    @property
    def first_output(self) -> str:
        """The port that the node's own name stands for."""
        return next(iter(self.outputs))

    def keys(self) -> list[str]:
        """The names of its configuration."""
        return [field.alias or name for name, field in self.config.model_fields.items()]

    def find_passing_port(self, wired: Collection[str]) -> str | None:
        """The only wired input of the first output's type: such a node keeps shapes.

        Args:
            wired: names of the input ports that are wired.
        """
        output = self.outputs[self.first_output]
        same = [
            name
            for name, port in self.inputs.items()
            if name in wired and port.type is not Any and output is not Any
            if _are_equal(port.type, output)
        ]
        return same[0] if len(same) == 1 else None

    @property
    def shared_types(self) -> Mapping[TypeVar, tuple[str, ...]]:
        """The type variables and the ports whose types name them: `input boxes`, `output boxes`."""
        named = {
            **{f"input {name}": port.type for name, port in self.inputs.items()},
            **{f"output {name}": type_ for name, type_ in self.outputs.items()},
        }
        variables = {one: None for type_ in named.values() for one in find_variables(type_)}
        return {
            one: tuple(name for name, type_ in named.items() if one in find_variables(type_))
            for one in variables
        }

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return self.doc.partition("\n")[0]


def read_contract(target: object) -> Contract:
    """Reads the contract of a node type.

    Args:
        target: a subclass of `torch.nn.Module` or a plain function.

    Raises:
        ContractError: if its signatures leave something open.
    """
    fits = issubclass(target, nn.Module) if isinstance(target, type) else True
    if not callable(target) or not fits:
        raise ContractError("a node type is a subclass of torch.nn.Module or a function")
    function = getattr(target, "forward", target)
    if inspect.iscoroutinefunction(function) or _yields(function):
        raise ContractError("a node type returns values: it is no coroutine and no generator")
    return _read(target) if isinstance(target, Hashable) else _read.__wrapped__(target)


def _read_doc(target: object) -> str:
    """The docstring, unless it is the one that torch gives every module."""
    doc = inspect.getdoc(target) or ""
    return "" if doc == inspect.getdoc(nn.Module) else doc


def _yields(function: object) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


@lru_cache(maxsize=256)  # specs use the same few dozens again and again
def _read(target: Callable[..., Any]) -> Contract:
    contract = _of_module(target) if isinstance(target, type) else _of_function(target)
    _check_variables(contract)
    _check_binding(contract)
    return contract


def _of_module(target: type[nn.Module]) -> Contract:
    if target.forward is nn.Module.forward:
        raise ContractError("it has no `forward`")
    init = _parameters(target.__init__, "__init__", skip_self=True)
    ports = _parameters(target.forward, "forward", skip_self=True)
    outputs, named = _outputs(target.forward, "forward")
    shapes = {n: n.removesuffix(_SHAPE) for n in init if _is_shape(n, ports)}
    for name in init:
        if name.endswith(_SHAPE) and name not in shapes and "TensorShape" in str(init[name][1]):
            raise ContractError(f"`{name}` of __init__ names no parameter of forward")
    config = {name: entry for name, entry in init.items() if name not in shapes}
    return Contract(
        target=target,
        is_module=True,
        config=configuration_model(target, config),
        shapes=shapes,
        inputs=_input_ports({n: p for n, p in ports.items() if n != _GENERATOR}),
        outputs=outputs,
        named_outputs=named,
        takes_generator=_GENERATOR in ports,
        draws_in_inference=_is_required(_GENERATOR, ports),
        doc=_read_doc(target),
    )


def _of_function(target: Callable[..., Any]) -> Contract:
    parameters = _parameters(target, _name(target), skip_self=False)
    keyword = {n for n, (p, _) in parameters.items() if p.kind is p.KEYWORD_ONLY}
    ports = {n: e for n, e in parameters.items() if n not in keyword and n != _GENERATOR}
    shapes = {n: n.removesuffix(_SHAPE) for n in keyword if _is_shape(n, ports)}
    config = {n: parameters[n] for n in keyword if n not in shapes and n != _GENERATOR}
    outputs, named = _outputs(target, _name(target))
    return Contract(
        target=target,
        is_module=False,
        config=configuration_model(target, {n: parameters[n] for n in parameters if n in config}),
        shapes=shapes,
        inputs=_input_ports(ports),
        outputs=outputs,
        named_outputs=named,
        takes_generator=_GENERATOR in parameters,
        draws_in_inference=_is_required(_GENERATOR, parameters),
        doc=_read_doc(target),
    )


def _parameters(function: Callable[..., Any], where: str, *, skip_self: bool) -> Parameters:
    if function is object.__init__ or function is nn.Module.__init__:
        return {}
    return read_parameters(function, where, "a node type", skip_self=skip_self)


def _are_equal(one: Any, other: Any) -> bool:
    if find_variables(one) or find_variables(other):
        return bool(one == other)
    return accepts(one, other) and accepts(other, one)


def _is_shape(name: str, ports: Mapping[str, Any]) -> bool:
    return name.endswith(_SHAPE) and name.removesuffix(_SHAPE) in ports


def _is_required(name: str, parameters: Parameters) -> bool:
    return name in parameters and parameters[name][0].default is inspect.Parameter.empty


def _input_ports(parameters: Parameters) -> dict[str, InputPort]:
    return {
        name: InputPort(name, hint, parameter.default is not parameter.empty)
        for name, (parameter, hint) in parameters.items()
    }


def _outputs(function: Callable[..., Any], where: str) -> tuple[dict[str, Any], bool]:
    hints = read_hints(function, where)
    if "return" not in hints or hints["return"] is type(None):
        raise ContractError(f"{where} has no return annotation")
    if is_named_tuple(hints["return"]):
        return fields_of(hints["return"]), True
    return {SINGLE_OUTPUT: hints["return"]}, False


def _check_variables(contract: Contract) -> None:
    """Makes sure that the alternatives of type variables are types, which nobody evaluates."""
    types = [*(port.type for port in contract.inputs.values()), *contract.outputs.values()]
    for variable in (one for type_ in types for one in find_variables(type_)):
        for member in members(variable):
            if isinstance(member, ForwardRef):
                text = member.__forward_arg__
                raise ContractError(
                    f"the type variable {variable.__name__} names '{text}' as text: "
                    "give it the type itself"
                )


def _check_binding(contract: Contract) -> None:
    """Makes sure that an input binds each type variable of the outputs."""
    inputs = {one for port in contract.inputs.values() for one in find_variables(port.type)}
    for name, type_ in contract.outputs.items():
        for variable in find_variables(type_):
            if variable not in inputs:
                raise ContractError(
                    f"the type variable {variable.__name__} of output '{name}' is in no input, "
                    "which would bind it: name a type"
                )


def _name(target: Callable[..., Any]) -> str:
    return getattr(target, "__name__", type(target).__name__)


def is_named_tuple(annotation: Any) -> bool:
    """Whether a type is a NamedTuple, or a generic one with its arguments."""
    bare = get_origin(plain(annotation)) or plain(annotation)
    return inspect.isclass(bare) and issubclass(bare, tuple) and hasattr(bare, "_fields")


def fields_of(annotation: Any) -> dict[str, Any]:
    """Named parts that wires can address: a NamedTuple's fields, or a class's annotated properties.

    Args:
        annotation: an output's type, or an input's.
    """
    bare = plain(annotation)
    if is_named_tuple(bare):
        return _fields_of_tuple(bare)
    if not inspect.isclass(bare):
        return {}
    found: dict[str, Any] = {}
    for name, member in inspect.getmembers(bare):
        if isinstance(member, property) and member.fget is not None and not name.startswith("_"):
            hints = typing.get_type_hints(member.fget, include_extras=True)
            if "return" in hints:
                found[name] = hints["return"]
    return found


def _fields_of_tuple(bare: Any) -> dict[str, Any]:
    kind = get_origin(bare) or bare
    bound = dict(zip(getattr(kind, "__parameters__", ()), get_args(bare), strict=False))
    hints = typing.get_type_hints(kind, include_extras=True)
    return {name: substitute(hints.get(name, Any), bound) for name in kind._fields}
