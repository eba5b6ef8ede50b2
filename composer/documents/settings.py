"""Settings: values that are given by address, in a section `set:`, by `--set`, or in Python."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from composer.documents.located import Located, locate
from composer.documents.places import Place
from composer.documents.problems import ProblemLog
from composer.documents.yaml_reader import parse_value
from composer.errors import SpecError
from composer.names import WILDCARD

_NAME = r"(?:\w|\*)[\w*-]*"
_ADDRESS = re.compile(rf"{_NAME}(?:\.{_NAME})*")


@dataclass(frozen=True)
class Setting:
    """A value for an address.

    Args:
        address: dotted names, the last of them a key or a param: `backbone.fpn.norm`. A unique end
            does; `*` stands for any one name.
        value: the value, with its place.
        place: where the address stands.
        section: the section or text that it is part of, in which no value may be set twice; None
            where a later setting may set a value anew.
    """

    address: str
    value: Located
    place: Place
    section: Place | None = None

    def spread(self, address: str) -> list[Setting]:
        """One setting for each key of a mapping.

        Args:
            address: what the keys are below.
        """
        section = self.section or self.place
        return [
            Setting(f"{address}.{key}", value, self.value.key_place(key), section)
            for key, value in self.value.entries()
        ]

    @property
    def is_pattern(self) -> bool:
        """Whether it may set several values."""
        return WILDCARD in self.address


SettingsSource = Mapping[str, Any] | Sequence[str | tuple[str, Any] | Setting]


def collect_settings(given: SettingsSource, log: ProblemLog) -> list[Setting]:
    """Settings in any of their forms, in the order in which they apply.

    Patterns come first: an exact address wins over them.

    Args:
        given: values by address; or texts of the form `address=value` (one, or several), pairs of
            these, and settings.
        log: takes what is none.
    """
    found: list[Setting] = []
    source: Any = [given] if isinstance(given, str) else given
    if not isinstance(source, (Mapping, Sequence)):
        kind = type(source).__name__
        log.add(Place("set"), f"settings are values by address, or texts ADDRESS=VALUE, not {kind}")
        return found
    for each in source.items() if isinstance(source, Mapping) else source:
        if isinstance(each, Setting):
            found.append(each)
        elif isinstance(each, str):
            found += parse_settings([each], log)
        elif isinstance(each, tuple) and len(each) == 2:
            found += locate_settings({each[0]: each[1]}, "set", log)
        else:
            kind = type(each).__name__
            log.add(Place("set"), f"a setting is ADDRESS=VALUE or a pair of both, not {kind}")
    return sorted(found, key=lambda setting: not setting.is_pattern)


def parse_settings(texts: Sequence[str], log: ProblemLog) -> list[Setting]:
    """Settings from texts of the form `address=value`, the value in YAML.

    Args:
        texts: the texts, as `--set` takes them.
        log: takes what is none.
    """
    settings: list[Setting] = []
    for text in texts:
        address, equals, value = text.partition("=")
        place = Place("--set", pointer=text)
        if not equals:
            log.add(place, "a setting is ADDRESS=VALUE")
            continue
        try:
            plain = parse_value(value, "--set").plain()
        except SpecError as error:
            for problem in error.problems:
                log.add(place, problem.message)
        else:
            _append(settings, address.strip(), locate(plain, "--set", text), place, log)
    return settings


def locate_settings(values: Mapping[Any, Any], source: str, log: ProblemLog) -> list[Setting]:
    """Settings from plain values by address, as in Python.

    Args:
        values: the values by address.
        source: their name in messages ("set").
        log: takes addresses and values that are none.
    """
    settings: list[Setting] = []
    for address, value in values.items():
        if not isinstance(address, str):
            log.add(Place(source), f"an address is a text, not {address!r}")
            continue
        try:
            located = locate(value, source, address)
        except SpecError as error:
            log.extend(error)
        else:
            _append(settings, address, located, located.place, log)
    return settings


def read_settings(section: Located | None, log: ProblemLog) -> list[Setting]:
    """The settings of a document's section `set:`, in order.

    Args:
        section: the section, a mapping by address.
        log: takes addresses that are none.
    """
    settings: list[Setting] = []
    if section is None or section.faulty or not section.is_mapping:
        return settings
    for address, value in section.entries():
        place = section.key_place(address)
        _append(settings, address, value, place, log, section.place)
    return settings


def _append(
    settings: list[Setting],
    address: str,
    value: Located,
    place: Place,
    log: ProblemLog,
    section: Place | None = None,
) -> None:
    if _ADDRESS.fullmatch(address):
        settings.append(Setting(address, value, place, section))
    else:
        hint = "An address is dotted names: backbone.fpn.norm; '*' stands for any one name."
        log.add(place, f"'{address}' is no address", hint)
