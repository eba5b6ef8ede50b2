"""The parameters of a callable, and a pydantic model that checks values for them."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from composer.errors import ContractError
from composer.escapes import describe_error

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
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            name = f"{stars}{parameter.name}"
            raise ContractError(f"{where} takes {name}; {kind} names every parameter")
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
        raise ContractError(
            f"the annotations of {where} cannot be read: {describe_error(error, with_kind=False)}"
        ) from error


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


def configuration_model(
    target: Callable[..., Any], parameters: Mapping[str, tuple[inspect.Parameter, Any]]
) -> type[BaseModel]:
    """The model that checks a node's `with:`.

    Args:
        target: the node type; its docstring's `Args` section describes the fields.
        parameters: the parameters that are configuration, with their types.

    Raises:
        ContractError: if pydantic makes nothing of one of the types.
    """
    descriptions = parameter_docs(inspect.getdoc(target) or "")
    fields: dict[str, Any] = {}
    for name, (parameter, hint) in parameters.items():
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (hint, Field(default, description=descriptions.get(name), alias=name))
    config = ConfigDict(
        extra="forbid", arbitrary_types_allowed=True, protected_namespaces=(), frozen=True
    )
    aliased = {f"field_{name}": field for name, field in fields.items()}
    name = getattr(target, "__name__", "Configuration")
    try:
        model: type[BaseModel] = create_model(name, __config__=config, **aliased)
    except Exception as error:  # pydantic passes on whatever a type's own code raises
        raise ContractError(
            f"its configuration cannot be checked: {describe_error(error, with_kind=False)}"
        ) from error
    return model


def configured(model: BaseModel) -> dict[str, Any]:
    """The checked values by parameter name."""
    return {
        field.alias or name: getattr(model, name)
        for name, field in type(model).model_fields.items()
    }


def parameter_docs(doc: str) -> dict[str, str]:
    """Reads the descriptions of parameters from the `Args:` section of a docstring."""
    found: dict[str, str] = {}
    name, inside = "", False
    for line in doc.splitlines():
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        if text in ("Args:", "Arguments:"):
            inside = True
        elif inside and text and indent == 0:
            break
        elif inside and indent <= 4 and ":" in text:
            name, _, rest = text.partition(":")
            name = name.partition(" ")[0]
            found[name] = rest.strip()
        elif inside and text and name:
            found[name] = f"{found[name]} {text}"
    return found
