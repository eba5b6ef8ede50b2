"""A call of one of detectron2's constructors in a lazy configuration, with all of its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composer.importing.lazy.elements import Element, PythonCall, PythonName, Unresolved
from composer.importing.lazy.lazy_config import LazyConfig
from composer.importing.lazy.signatures import Signature, find_constructor, read_signatures
from composer.names import did_you_mean

_TARGET, _POSITIONAL = "_target_", "_args_"
# Keys of LazyConfig and of hydra that are no arguments.
_AROUND = {"_recursive_": True, "_convert_": "none"}


class Call:
    """The arguments of a call, over the constructor's defaults.

    Args:
        name: the constructor, such as `RPN`.
        key: its dotted key in the configuration.
        arguments: those that are given.
        config: takes problems, and the account of each key.
        element: the whole call.
    """

    def __init__(
        self, name: str, key: str, arguments: Mapping[str, Element], config: LazyConfig
    ) -> None:
        self.name, self.key, self.arguments, self.config = name, key, arguments, config
        self.signature: Signature = read_signatures()[name]

    def key_of(self, argument: str) -> str:
        """The dotted key of an argument."""
        return f"{self.key}.{argument}"

    def has(self, argument: str) -> bool:
        """Whether the constructor has an argument, and a value for it."""
        return argument in self.signature and self._value(argument) is not None

    def take(self, argument: str) -> Any:
        """The plain value of an argument, which counts as used from now on."""
        self.config.use(self.key_of(argument))
        return self._value(argument)

    def default(self, argument: str) -> Any:
        """The constructor's default of an argument."""
        return self.signature[argument].default

    def require(self, argument: str, *allowed: Any, because: str = "") -> Any:
        """Takes an argument that can only be expressed with some values."""
        value = self.take(argument)
        if value not in allowed:
            wanted = " or ".join(repr(one) for one in allowed)
            self.refuse(argument, because or f"only {wanted} can be expressed")
        return value

    def drop(self, argument: str, reason: str) -> None:
        """Notes that an argument says nothing that a spec says, and why."""
        if argument in self.arguments:
            self.config.drop(self.key_of(argument), reason)

    def refuse(self, argument: str, reason: str) -> None:
        """Notes that the value of an argument cannot be expressed."""
        self.config.refuse(self.key_of(argument), self._value(argument), reason)

    def call(self, argument: str, *allowed: str) -> Call | None:
        """The call that an argument is, of one of some constructors; None, and a note, if not."""
        element = self.arguments.get(argument)
        if element is None or element.value is None:
            return None
        return read_call(element, self.key_of(argument), self.config, *allowed)

    def calls(self, argument: str, *allowed: str) -> list[Call]:
        """The calls that an argument lists."""
        element = self.arguments.get(argument)
        items = element.value if element is not None and isinstance(element.value, list) else []
        found = [
            read_call(item, f"{self.key_of(argument)}[{index}]", self.config, *allowed)
            for index, item in enumerate(items)
        ]
        return [one for one in found if one is not None]

    def _value(self, argument: str) -> Any:
        element = self.arguments.get(argument)
        return self.default(argument) if element is None else element.plain()


def read_call(element: Element, key: str, config: LazyConfig, *allowed: str) -> Call | None:
    """The call that an element is.

    Args:
        element: a mapping with `_target_`, or a tag's call.
        key: its dotted key.
        config: takes problems.
        allowed: the constructors that it may be.

    Returns:
        The call, or None where it is another one or no call, or lacks an argument that it needs;
        the problem is noted.
    """
    config.place(key, element.place)
    target, given, positional = _split(element)
    if isinstance(target, PythonName):
        target = target.name
    if not isinstance(target, str):
        config.note(key, f"{key}: a mapping with '_target_' was expected")
        return None
    config.use(f"{key}.{_TARGET}")
    name = find_constructor(target)
    if name not in allowed:
        _note_target(key, target, config, allowed)
        return None
    assert name is not None
    arguments = _named(name, given, positional, key, config)
    required = [one for one, each in read_signatures()[name].items() if each.is_required]
    return Call(name, key, arguments, config) if arguments.keys() >= set(required) else None


def _split(element: Element) -> tuple[Any, dict[str, Element], list[Element]]:
    value = element.value
    if isinstance(value, PythonCall):
        return value.name, dict(value.keywords), list(value.positional)
    if not isinstance(value, dict):
        return None, {}, []
    given = dict(value)
    target = given.pop(_TARGET, None)
    positional = given.pop(_POSITIONAL, None)
    listed = positional.value if positional is not None else []
    return (
        target.value if target is not None else None,
        given,
        list(listed) if isinstance(listed, list) else [],
    )


def _note_target(key: str, target: str, config: LazyConfig, allowed: tuple[str, ...]) -> None:
    wanted = " or ".join(allowed)
    short = target.rpartition(".")[2]
    hint = did_you_mean(short, list(allowed))
    config.note(
        key, f"{key}._target_ = {target!r}: only detectron2's {wanted} can be expressed", hint
    )


def _named(
    name: str, given: dict[str, Element], positional: list[Element], key: str, config: LazyConfig
) -> dict[str, Element]:
    """Arguments by name; those that are unknown, missing or of another kind are noted."""
    signature = read_signatures()[name]
    places = [one for one, parameter in signature.items() if parameter.is_positional]
    if len(positional) > len(places):
        config.note(key, f"{key}._args_: {name} has {len(places)} arguments without a name")
    found = dict(zip(places, positional, strict=False))
    if positional:
        config.use(f"{key}.{_POSITIONAL}")
    for argument, element in given.items():
        where = f"{key}.{argument}"
        config.place(where, element.place)
        if argument in _AROUND:
            config.use(where)
        elif argument not in signature:
            hint = did_you_mean(argument, list(signature))
            config.note(where, f"{where}: {name} has no argument '{argument}'", hint)
            config.use(where)
        else:
            found[argument] = element
    for argument, parameter in signature.items():
        if argument not in found and parameter.is_required:
            config.note(key, f"{key}: {name} needs '{argument}'")
    return {
        argument: element
        for argument, element in found.items()
        if _is_fit(f"{key}.{argument}", element, signature, argument, config)
    }


def _is_fit(
    key: str, element: Element, signature: Signature, argument: str, config: LazyConfig
) -> bool:
    config.place(key, element.place)
    unresolved = _find_unresolved(element)
    if unresolved is not None:
        config.note(key, f"{key} = {unresolved.text!r}: {unresolved.reason}")
        return False
    parameter = signature[argument]
    is_fit = parameter.accepts(element.plain())
    if not is_fit:
        expected = parameter.describe().rstrip(",")
        config.refuse(key, element.plain(), f"{expected} was expected")
    return is_fit


def _find_unresolved(element: Element) -> Unresolved | None:
    """An interpolation without a value in an argument; calls look for their own."""
    value = element.value
    if isinstance(value, Unresolved):
        return value
    items = list(value) if isinstance(value, list) else []
    if isinstance(value, dict) and _TARGET not in value:
        items = list(value.values())
    return next((one for one in map(_find_unresolved, items) if one is not None), None)
