"""`uses:` and `with:` in a document: something that a plugin publishes, and its configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import Self

from composer.discovery import Homes
from composer.documents import FOLDER, NOTES, SOURCE, NamingPart, find_beside
from composer.errors import ComposerError
from composer.node import call_model, configured
from composer.registry import Found, Registry


class PluginCall(NamingPart):
    """A published class or function with its configuration, which is checked at once.

    Subclasses say in which entry point group the name is looked up. Relative paths in the
    configuration are relative to the document's folder.
    """

    group: ClassVar[str]

    uses: str = Field(description="Name, or `distribution/name`.")
    with_: dict[str, Any] = Field(
        default_factory=dict, alias="with", description="The configuration."
    )
    _found: Found = PrivateAttr()
    _target: Callable[..., Any] = PrivateAttr()
    _configuration: dict[str, Any] = PrivateAttr()

    @model_validator(mode="wrap")
    @classmethod
    def _check(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        errors: list[InitErrorDetails] = []
        context = dict(info.context or {})
        if isinstance(data, Mapping) and SOURCE in data:
            context[SOURCE] = data[SOURCE]  # calls in the configuration are written there, too
            data = {key: value for key, value in data.items() if key != SOURCE}
        try:
            call = handler(data)
        except ValidationError as error:
            errors += _repack(error)
        uses = data.get("uses") if isinstance(data, Mapping) else None
        values = data.get("with") or {} if isinstance(data, Mapping) else None
        if isinstance(uses, str) and isinstance(values, dict):
            try:
                found, target, configuration = cls._look_up(uses, values, context)
            except ValidationError as error:
                errors += _repack(error)
        if errors:
            raise ValidationError.from_exception_data(cls.__name__, errors)
        folder = context.get(FOLDER, Path())
        call._found, call._target = found, target
        call._configuration = {n: _with_paths(v, folder) for n, v in configuration.items()}
        return call

    @classmethod
    def list_options(cls, uses: str, written_in: str) -> list[str]:
        """The keys of the configuration of what is published under a name; none if nothing is."""
        registry = Registry.installed(cls.group)
        try:
            target = registry.load(uses, Homes.installed().find(written_in))
            model = call_model(target, f"a {registry.what}")
        except ComposerError:
            return []
        return [field.alias or name for name, field in model.model_fields.items()]

    @classmethod
    def _look_up(
        cls, uses: str, values: dict[str, Any], context: Mapping[str, Any]
    ) -> tuple[Found, Callable[..., Any], Any]:
        """What is published under a name, and its checked configuration."""
        registry = Registry.installed(cls.group)
        written_in, place = context.get(SOURCE, ("", ""))
        try:
            found = registry.find(uses, Homes.installed().find(written_in))
            target = registry.load_found(found)
            model = call_model(target, f"a {registry.what}")
        except ComposerError as error:
            raise _at("uses", uses, str(error)) from None
        if found.note:
            context.get(NOTES, []).append(f"note: {place}: {found.note}")
        try:
            checked = model.model_validate_json(
                json.dumps(values), strict=True, context=dict(context)
            )
        except ValidationError as error:
            known = [field.alias or name for name, field in model.model_fields.items()]
            repacked = _repack(error, "with", known)
            raise ValidationError.from_exception_data(cls.__name__, repacked) from None
        assert callable(target)
        return found, target, configured(checked)

    @property
    def label(self) -> str:
        """The name with its plugin, for messages."""
        return self._found.label

    @property
    def configuration(self) -> Mapping[str, Any]:
        """The checked values by parameter, defaults included."""
        return self._configuration

    def resolved(self) -> dict[str, Any]:
        """Plain values that mean the same wherever they are read, and whatever is installed.

        The name is qualified, defaults are written out, and paths are absolute.
        """
        plain = self.model_dump(mode="json", by_alias=True)
        plain["uses"] = self._found.qualified
        for name, value in self._configuration.items():
            try:
                plain["with"][name] = _as_plain(value)
            except TypeError:  # made by the reader's own types: what was written stands for it
                continue
        return plain

    def make(self) -> Any:
        """What the class or function gives for its configuration."""
        return self._target(**self._configuration)


def _at(key: str, value: object, message: str) -> ValidationError:
    """An error at one key. Its message is taken as it is, braces included."""
    custom = PydanticCustomError("value_error", "{message}", {"message": message})
    details = InitErrorDetails(type=custom, loc=(key,), input=value)
    return ValidationError.from_exception_data("PluginCall", [details])


def _repack(
    error: ValidationError, key: str = "", known: Sequence[str] = ()
) -> list[InitErrorDetails]:
    """The details of an error in the form in which another can be made of them.

    Args:
        error: the error.
        key: what they are to stand below.
        known: the keys that would be right for unknown ones at the top.
    """
    found = []
    for details in error.errors(include_url=False):
        context = {**details.get("ctx", {}), "message": details["msg"]}
        if details["type"] == "extra_forbidden" and len(details["loc"]) == 1 and known:
            context["known"] = known
        custom = PydanticCustomError(details["type"], "{message}", context)
        location = (key, *details["loc"]) if key else details["loc"]
        found.append(InitErrorDetails(type=custom, loc=location, input=details["input"]))
    return found


def _as_plain(value: Any) -> Any:
    """A value of a configuration as documents hold it, with paths made absolute.

    Raises:
        TypeError: it holds anything but plain data.
    """
    if isinstance(value, Path):
        return str(value.resolve())
    if isinstance(value, PluginCall):
        return value.resolved()
    if isinstance(value, (list, tuple)):
        return [_as_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _as_plain(item) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(type(value).__name__)


def _with_paths(value: Any, folder: Path) -> Any:
    """A value of a configuration, with the relative paths in it found beside the document."""
    if isinstance(value, Path):
        return find_beside(value, folder)
    if isinstance(value, (list, tuple)):
        return type(value)(_with_paths(item, folder) for item in value)
    if isinstance(value, dict):
        return {key: _with_paths(item, folder) for key, item in value.items()}
    return value
