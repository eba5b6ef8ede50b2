"""A pydantic model of a node type's configuration, made from its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from composer.errors import ContractError


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
        raise ContractError(f"its configuration cannot be checked: {error}") from error
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
