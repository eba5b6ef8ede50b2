"""Checks that a configuration and its defaults can be written in a spec."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError, to_jsonable_python

from composer.node import Contract


def check_configuration(contract: Contract) -> Iterator[str]:
    """Yields parameters that a spec cannot hold, and defaults that their types refuse."""
    for place, field in contract.config.model_fields.items():
        name = field.alias or place
        yield from _check_type(name, field)
        if not field.is_required():
            yield from _check_default(contract.config, name, field.default)


def find_refusals(model: type[BaseModel], values: Any) -> dict[str, str]:
    """Returns a message for each parameter whose type refuses its value."""
    try:
        model.model_validate(values)
    except ValidationError as error:
        return {
            str(details["loc"][0]): details["msg"] for details in error.errors(include_url=False)
        }
    return {}


def _check_type(name: str, field: FieldInfo) -> Iterator[str]:
    config = ConfigDict(arbitrary_types_allowed=True)
    definition: Any = (field.annotation, ...)  # a default would only warn
    probe = create_model("Probe", __config__=config, value=definition)
    try:
        probe.model_json_schema()
    except PydanticInvalidForJsonSchema:
        kind = getattr(field.annotation, "__name__", str(field.annotation))
        yield (
            f"the configuration '{name}' is a {kind}, which no spec can hold: "
            "take a name (a Literal), numbers, or a list or dict of them"
        )


def _check_default(model: type[BaseModel], name: str, default: Any) -> Iterator[str]:
    refusal = find_refusals(model, {name: default}).get(name)
    if refusal is not None:
        yield f"the default of '{name}', {default!r}, is refused by its own type: {refusal}"
        return
    try:
        plain = to_jsonable_python(default, inf_nan_mode="constants")
    except PydanticSerializationError:
        yield f"the default of '{name}', {default!r}, cannot be written in a spec"
        return
    refusal = find_refusals(model, {name: plain}).get(name)
    if refusal is not None:
        yield f"the default of '{name}' is refused when a spec writes it as {plain!r}: {refusal}"
