"""The parameters of a callable with their types."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from composer.errors import ContractError
from composer.node.configuration import configuration_model

Parameters = dict[str, tuple[inspect.Parameter, Any]]


def read_parameters(
    function: Callable[..., Any], where: str, kind: str, *, skip_self: bool
) -> Parameters:
    """The named parameters and their types.

    Args:
        function: the callable.
        where: its name in messages.
        kind: the kind of plugin in messages ("a node type").
        skip_self: whether to leave the first one out.

    Raises:
        ContractError: for a parameter without a type, `*args` or `**kwargs`.
    """
    hints = read_hints(function, where)
    parameters = list(inspect.signature(function).parameters.values())[1 if skip_self else 0 :]
    found: Parameters = {}
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ContractError(f"{where} takes *{parameter.name}; {kind} names every parameter")
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise ContractError(f"`{parameter.name}` of {where} cannot be given by name")
        if parameter.name not in hints:
            raise ContractError(f"`{parameter.name}` of {where} has no type annotation")
        found[parameter.name] = (parameter, hints[parameter.name])
    return found


def read_hints(function: Callable[..., Any], where: str) -> dict[str, Any]:
    """The annotations, those written as text evaluated.

    Raises:
        ContractError: if that cannot be done.
    """
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception as error:
        raise ContractError(f"the annotations of {where} cannot be read: {error}") from error


def call_model(target: object, kind: str) -> type[BaseModel]:
    """The model of the configuration of a callable without ports.

    Args:
        target: a class or a function.
        kind: the kind of plugin in messages ("a reader of datasets").

    Raises:
        ContractError: it cannot be called, or its signature leaves something open.
    """
    if not callable(target):
        raise ContractError(f"{kind} is a class or a function")
    name = getattr(target, "__name__", type(target).__name__)
    if not isinstance(target, type):
        return configuration_model(target, read_parameters(target, name, kind, skip_self=False))
    constructor: Any = inspect.getattr_static(target, "__init__")
    if constructor is object.__init__:
        return configuration_model(target, {})
    init = read_parameters(constructor, "__init__", kind, skip_self=True)
    return configuration_model(target, init)
