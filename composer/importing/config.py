"""A detectron2 configuration, and an account of what became of each of its keys."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from composer.documents import Place, ProblemLog
from composer.importing.config_file import read_config_file
from composer.importing.kinds import read_value
from composer.names import did_you_mean

_DEFAULTS = Path(__file__).with_name("detectron2_defaults.yaml")
_VERSION = 2


@cache
def default_values() -> Mapping[str, Any]:
    """detectron2's defaults by dotted key."""
    return MappingProxyType(read_config_file(_DEFAULTS))


class Config:
    """The values of a configuration over detectron2's defaults.

    Args:
        path: the file.
        log: takes its problems, and what cannot be expressed.

    Raises:
        SpecError: the file cannot be read.
    """

    def __init__(self, path: Path, log: ProblemLog) -> None:
        self.path, self.log = path, log
        self.given = read_config_file(path)
        self.values = {**default_values(), **self.given}
        self.used: set[str] = set()
        self.dropped: dict[str, str] = {}
        self.wanted: dict[str, str] = {}
        for key, value in self.given.items():
            self._check(key, value)

    def take(self, key: str) -> Any:
        """The value of a key, which counts as used from now on."""
        self.used.add(key)
        return self.values[key]

    def drop(self, key: str, reason: str) -> None:
        """Notes that a key says nothing about this model, and why."""
        self.used.discard(key)
        self.dropped[key] = reason

    def want(self, key: str, what: str) -> None:
        """Notes what a model needs beyond the configuration, because of a key."""
        self.wanted[key] = what

    def require(self, key: str, *allowed: Any, because: str = "") -> None:
        """Takes a key that can only be expressed with some values."""
        value = self.take(key)
        if value not in allowed:
            wanted = " or ".join(repr(one) for one in allowed)
            self.refuse(key, because or f"only {wanted} can be expressed")

    def refuse(self, key: str, reason: str) -> None:
        """Notes that the value of a key cannot be expressed."""
        self.log.add(self._place(key), f"{key} = {self.values[key]!r}: {reason}")

    def is_default(self, key: str) -> bool:
        """Whether a key has the value that it has when nothing is said."""
        return bool(self.values[key] == default_values()[key])

    def _check(self, key: str, value: Any) -> None:
        known = default_values()
        if key not in known:
            self.log.add(
                self._place(key),
                f"detectron2 has no key '{key}'",
                did_you_mean(key, _alike(key, known)),
            )
            del self.values[key]
            return
        try:
            self.values[key] = read_value(key, value, known[key])
        except ValueError as error:
            self.refuse(key, str(error))
            self.values[key] = known[key]
        if key == "VERSION" and value != _VERSION:
            self.refuse(key, f"configurations of version {_VERSION} are read")

    def _place(self, key: str) -> Place:
        return Place(str(self.path), pointer=key)


def _alike(key: str, known: Mapping[str, Any]) -> list[str]:
    """The keys to choose a suggestion from: those of the same section, if there is one."""
    section = key.rpartition(".")[0] + "."
    return [one for one in known if one.startswith(section)] or list(known)
