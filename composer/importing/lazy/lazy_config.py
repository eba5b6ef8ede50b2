"""A lazy configuration, and an account of what became of each of its keys."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from composer.documents import Place, ProblemLog
from composer.importing.account import Account
from composer.importing.lazy.elements import Element

MODEL = "model"
_INDEX = re.compile(r"\[\d+\]")
_END = re.compile(r"[.\[]")
_AROUND = {
    "optimizer": "how the optimizer learns",
    "lr_multiplier": "how the optimizer learns",
    "train": "how it runs",
    "dataloader.train": "how training data is loaded and prepared",
    "dataloader.evaluator": "how results are evaluated",
    "dataloader": "how data is loaded",
}


class LazyConfig:
    """A configuration with its interpolations resolved.

    Args:
        path: the file.
        root: its content.
        log: takes what cannot be expressed.
    """

    def __init__(self, path: Path, root: Element, log: ProblemLog) -> None:
        self.path, self.root, self.log = path, root, log
        self.used: dict[str, None] = {}
        self.dropped: dict[str, str] = {}
        self.assumed: dict[str, str] = {}
        self.wanted: dict[str, str] = {}
        self._places: dict[str, Place] = {}

    def find(self, key: str) -> Element | None:
        """The element at a dotted key without indexes, or None."""
        element: Element | None = self.root
        for name in key.split("."):
            value = element.value if element is not None else None
            element = value.get(name) if isinstance(value, dict) else None
        return element

    def use(self, key: str) -> None:
        """Counts a key as used."""
        self.used[key] = None

    def drop(self, key: str, reason: str) -> None:
        """Notes that a key says nothing that a spec says, and why."""
        self.used.pop(key, None)
        self.dropped[key] = reason

    def assume(self, key: str, what: str) -> None:
        """Notes what a key was taken for, where the file does not say all of it."""
        self._note_once(self.assumed, key, what)

    def want(self, key: str, what: str) -> None:
        """Notes what a model needs beyond the configuration, because of a key."""
        self._note_once(self.wanted, key, what)

    def _note_once(self, notes: dict[str, str], key: str, what: str) -> None:
        """Notes something once for keys that differ in their indexes only, as of a cascade."""
        known = {_INDEX.sub("", one) for one in notes}
        if _INDEX.sub("", key) not in known:
            notes[key] = what

    def place(self, key: str, place: Place) -> None:
        """Remembers where a key stands."""
        self._places[key] = place

    def refuse(self, key: str, value: Any, reason: str) -> None:
        """Notes that the value of a key cannot be expressed."""
        self.note(key, f"{key} = {value!r}: {reason}")

    def note(self, key: str, message: str, hint: str = "") -> None:
        """Notes a problem at the place of a key, or of the nearest one around it."""
        near = key
        while near and near not in self._places:
            near = near.rpartition(".")[0]
        place = self._places.get(near, Place(str(self.path), pointer=key))
        self.log.add(place, message, hint)

    def make_account(self) -> Account:
        """Accounts for every key; one of the model that nothing looked at is a problem."""
        used: list[str] = []
        left: dict[str, str] = {}
        values: dict[str, Any] = {}
        for key, element in _list_keys(self.root, ""):
            values[key] = element.plain()
            if reason := self._reason(key):
                left[key] = reason
            elif _is_within(key, self.used):
                used.append(key)
            elif key.startswith(f"{MODEL}."):
                self._places.setdefault(key, element.place)
                self.refuse(key, values[key], "this model cannot express it")
            else:
                left[key] = "no spec says such things"
        shown = {key: value for key, value in self.assumed.items() if key in values}
        wanted = {key: value for key, value in self.wanted.items() if key in values}
        return Account(tuple(used), (), left, values, wanted, shown)

    def _reason(self, key: str) -> str:
        for name, reason in self.dropped.items():
            if _is_within(key, (name,)):
                return reason
        if _is_within(key, self.used):
            return ""
        return next((why for name, why in _AROUND.items() if _is_within(key, (name,))), "")


def _is_within(key: str, used: Container[str]) -> bool:
    """Whether a key, or one around it, is among some."""
    ends = [match.start() for match in _END.finditer(key)]
    return key in used or any(key[:end] in used for end in ends)


def _list_keys(element: Element, key: str) -> Iterator[tuple[str, Element]]:
    """Every leaf by its key: a scalar, a list of scalars, a name, or a tag's call."""
    value = element.value
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _list_keys(item, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and any(isinstance(item.value, dict) for item in value):
        for index, item in enumerate(value):
            yield from _list_keys(item, f"{key}[{index}]")
    else:
        yield key, element
