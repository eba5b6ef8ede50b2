"""Plain values with their places in a document."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from composer.documents.characters import describe_forbidden, find_forbidden
from composer.documents.places import Place
from composer.documents.problems import Problem
from composer.documents.yaml_scalars import is_measurable
from composer.errors import SpecError

MAX_DEPTH = 100

Plain = Any  # None, bool, int, float, str, list[Plain] or dict[str, Plain]


@dataclass(frozen=True)
class Located:
    """A value of a document and its place.

    Args:
        value: a scalar, a dict of `Located` or a list of `Located`.
        place: where the value stands.
        key_places: for a mapping, where each key stands.
        origin: where the value came from, when a param brought it to its place.
        faulty: whether a problem was noted about it, so that nothing more is made of it.
        param: address of the param that brought it to its place; empty if none did.
        lapses: whether it comes from a base some of whose nodes are replaced, so that a setting or
            alias of this value may mean nothing any more.
        deleted: of a mapping, the keys that a later document has deleted, and where.
    """

    value: Any
    place: Place
    key_places: Mapping[str, Place] = field(default_factory=dict)
    origin: Place | None = None
    faulty: bool = False
    param: str = ""
    lapses: bool = False
    deleted: Mapping[str, Place] = field(default_factory=dict)

    @property
    def is_mapping(self) -> bool:
        """Whether the value is a mapping."""
        return isinstance(self.value, dict)

    def get(self, key: str) -> Located | None:
        """The entry of a mapping, or None if there is none or this is no mapping."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def entries(self) -> Collection[tuple[str, Located]]:
        """The entries of a mapping; nothing for any other value."""
        return self.value.items() if isinstance(self.value, dict) else ()

    def key_place(self, key: str) -> Place:
        """The place of a key of this mapping."""
        return self.key_places.get(key, self.place)

    def plain(self) -> Plain:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value

    def at(self, location: Sequence[str | int]) -> Located:
        """The innermost value on the way along `location` that exists."""
        here = self
        for step in location:
            found = None
            if isinstance(here.value, dict):
                found = here.value.get(str(step))
            elif isinstance(here.value, list) and isinstance(step, int):
                found = here.value[step] if 0 <= step < len(here.value) else None
            if found is None:
                break
            here = found
        return here

    def moved(self, place: Place) -> Located:
        """A copy of plain values, and all inside, at another place; other documents' stay."""
        if self.place.line:
            return self
        value: Any = self.value
        if isinstance(value, dict):
            value = {key: item.moved(place) for key, item in value.items()}
        elif isinstance(value, list):
            value = [item.moved(place) for item in value]
        return replace(
            self, value=value, place=place, key_places=dict.fromkeys(self.key_places, place)
        )

    def marked_faulty(self, ways: Iterable[Sequence[str]] = ((),)) -> Located:
        """A copy in which the values at the ends of ways of keys are marked as faulty.

        All at once, as a copy for each of thousands takes minutes.
        """
        is_faulty, below = self.faulty, dict[str, list[Sequence[str]]]()
        for way in ways:
            if way:
                below.setdefault(way[0], []).append(way[1:])
            else:
                is_faulty = True
        marked = {key: self.value[key].marked_faulty(ends) for key, ends in below.items()}
        value = {**self.value, **marked} if marked else self.value
        return replace(self, value=value, faulty=is_faulty)


def locate(value: Plain, source: str, pointer: str = "") -> Located:
    """Gives a plain value places of the form `<source> a.b.c`.

    Raises:
        SpecError: if the value holds anything but plain data, or itself.
    """
    return _locate(value, source, pointer, 0)


def _locate(value: Plain, source: str, pointer: str, depth: int) -> Located:
    if depth > MAX_DEPTH:
        raise SpecError([Problem(Place(source), "the value is too deep, or holds itself")])
    place = Place(source, pointer=pointer)
    if isinstance(value, Mapping):
        items: dict[str, Located] = {}
        keys: dict[str, Place] = {}
        for key, item in value.items():
            name = str(key)
            _check_text(name, place)
            step = f"'{name}'" if "." in name else name  # an address, as under `set:`
            here = f"{pointer}.{step}" if pointer else step
            items[name] = _locate(item, source, here, depth + 1)
            keys[name] = items[name].place
        return Located(items, place, keys)
    if isinstance(value, (list, tuple)):
        members = [_locate(v, source, f"{pointer}[{i}]", depth + 1) for i, v in enumerate(value)]
        return Located(members, place)
    if isinstance(value, str):
        _check_text(value, place)
    elif isinstance(value, int) and not is_measurable(value):
        raise SpecError([Problem(place, "this number is too large")])
    elif value is not None and not isinstance(value, (bool, int, float)):
        message = f"a spec holds plain values only, not {type(value).__name__}"
        raise SpecError([Problem(place, message)])
    return Located(value, place)


def _check_text(text: str, place: Place) -> None:
    if (position := find_forbidden(text)) is not None:
        raise SpecError([Problem(place, describe_forbidden(text[position]))])
