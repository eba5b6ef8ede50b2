"""Params: their values for one document, and `${name}` put in its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from operator import is_not
from typing import Any

from composer.documents.located import MAX_DEPTH, Located, Plain
from composer.documents.places import Place
from composer.documents.problems import Problem, ProblemLog
from composer.errors import SpecError
from composer.names import did_you_mean

_USE = re.compile(r"\$\$|\$\{\s*(\w+)\s*\}|(\$\{[^}]*\}?)")
_MAX_VALUES = 100_000
_MAX_TEXT = 100_000


def substitute_params(
    document: Located, given: Mapping[str, Located], log: ProblemLog, scope: str = ""
) -> tuple[Located, dict[str, Located]]:
    """Substitutes every `${name}` of a document.

    Args:
        document: a document, after merging.
        given: values that replace defaults; a `$` in them has no meaning.
        log: takes unknown names, cycles and values that cannot stand inside a text.
        scope: path of the nested graph that the document describes; empty for the whole one.

    Returns:
        The document without `${}`, what had a problem marked as faulty, and the params' values.

    Raises:
        SpecError: if the values grow beyond all measure.
    """
    section = document.get("params")
    defaults = dict(section.entries()) if section is not None else {}
    for name, value in given.items():
        if name not in defaults:
            hint = partial(did_you_mean, name, defaults, "params")
            log.add(value.place, f"unknown param '{name}'", hint)
    deleted = {} if section is None else section.deleted
    substitution = _Substitution(defaults, given, deleted, log, f"{scope}." if scope else "")
    resolved = {name: substitution.param(name) for name in defaults}
    if not document.is_mapping:
        return document, resolved
    items = {
        key: item if key == "params" else substitution.apply(item)
        for key, item in document.entries()
    }
    return replace(document, value=items), resolved


def unused_params(document: Located) -> list[tuple[str, Place]]:
    """The params of a document that nothing in it uses, with the places of their names."""
    section = document.get("params")
    used: set[str] = set()
    for item in document.value.values() if document.is_mapping else ():
        used |= _names_in(item)
    declared = section.entries() if section is not None else ()
    return [(name, section.key_place(name)) for name, _ in declared if section and name not in used]


def inlined_params(document: Located) -> set[str]:
    """The params that a document uses inside of longer texts."""
    return {
        match.group(1)
        for text in _texts_in(document)
        for match in _USE.finditer(text)
        if match.group(1) and match.group() != text
    }


def describe_held(address: str, param: str, place: Place, users: Iterable[str]) -> str:
    """The note about a setting that replaces the value of a param.

    Args:
        address: the address that is set.
        param: the param, by address.
        place: where the setting stands.
        users: all addresses that have their value from the param.
    """
    others = ", ".join(sorted({*users} - {address}))
    also = f", which goes to {others} too" if others else ""
    return f"{place}: '{address}' had its value from the param '{param}'{also}"


def _names_in(item: Located) -> set[str]:
    found = (match.group(1) for text in _texts_in(item) for match in _USE.finditer(text))
    return {name for name in found if name}


def _texts_in(item: Located) -> list[str]:
    """The texts in a value that may use params."""
    found: list[str] = []
    pending = [item]
    while pending:
        value = pending.pop().value
        if isinstance(value, str):
            if "$" in value:
                found.append(value)
        elif isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    return found


def escape(value: Plain) -> Plain:
    """A plain value that reads as itself: what looks like the use of a param is escaped."""
    if isinstance(value, dict):
        return {key: escape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [escape(item) for item in value]
    if isinstance(value, str) and ("${" in value or "$$" in value):
        return value.replace("$", "$$")
    return value


class _Substitution:
    """Puts params in place.

    Attributes:
        open: the params that are being resolved, each needed by the one before it.
        spent: the number of values made so far.
        depth: the number of collections around the value that is being made.
    """

    def __init__(
        self,
        defaults: Mapping[str, Located],
        given: Mapping[str, Located],
        deleted: Mapping[str, Place],
        log: ProblemLog,
        prefix: str,
    ) -> None:
        self.defaults, self.deleted, self.log, self.prefix = defaults, deleted, log, prefix
        self.resolved = {name: given[name] for name in defaults if name in given}
        self.sizes = {name: _size(value) for name, value in self.resolved.items()}
        self.depths = {name: _depth(value) for name, value in self.resolved.items()}
        self.open: dict[str, None] = {}
        self.spent = self.depth = 0

    def param(self, name: str) -> Located:
        """The value of a param; those that it needs are resolved first, however many they are."""
        pending = [name]
        while pending:
            top = pending[-1]
            if top not in self.resolved and top not in self.open:
                self.open[top] = None
                needed = _names_in(self.defaults[top]) & self.defaults.keys()
                found = [n for n in needed if n not in self.resolved and n not in self.open]
                if found:
                    pending += sorted(found)
                    continue
            if top not in self.resolved:
                self.resolve(top)
            pending.pop()
        return self.resolved[name]

    def resolve(self, name: str) -> None:
        self.resolved[name] = self.apply(self.defaults[name])
        self.sizes[name] = _size(self.resolved[name])
        self.depths[name] = _depth(self.resolved[name])
        self.open.pop(name, None)

    def apply(self, item: Located) -> Located:
        """A value with the params in place; itself if there are none in it."""
        self.spend(1, item)
        if isinstance(item.value, str):
            return self.text(item) if "$" in item.value else item
        if not isinstance(item.value, (dict, list)):
            return item
        self.depth += 1
        found: Any
        if isinstance(item.value, dict):
            found = {key: self.apply(member) for key, member in item.value.items()}
            changed = any(found[key] is not member for key, member in item.value.items())
        else:
            found = [self.apply(member) for member in item.value]
            changed = any(map(is_not, found, item.value))
        self.depth -= 1
        return replace(item, value=found) if changed else item

    def spend(self, count: int, item: Located) -> None:
        self.spent += count
        if self.spent > _MAX_VALUES:
            raise SpecError([Problem(item.place, "the params make the document too large")])

    def text(self, item: Located) -> Located:
        """A text with its uses replaced; a lone `${name}` keeps the param's type."""
        whole = _USE.fullmatch(item.value)
        if whole and whole.group(1) is not None:
            found = self.look_up(whole.group(1), item)
            if found is None:
                return replace(item, value=None, faulty=True)
            if self.depth + self.depths[whole.group(1)] > MAX_DEPTH:
                raise SpecError([Problem(item.place, "the params make the document too deep")])
            origin, param = found.origin or found.place, f"{self.prefix}{whole.group(1)}"
            return replace(found, place=item.place, origin=origin, param=param, lapses=item.lapses)
        pieces: list[str] = []
        end = 0
        for match in _USE.finditer(item.value):
            inner = self.inline(match, item)
            if inner is None:
                return replace(item, value=None, faulty=True)
            pieces += [item.value[end : match.start()], inner]
            end = match.end()
        text = "".join([*pieces, item.value[end:]])
        self.spend(len(text) // _MAX_TEXT * _MAX_VALUES, item)
        return replace(item, value=text)

    def inline(self, match: re.Match[str], item: Located) -> str | None:
        """The text of one use inside a text; None (and a note in the log) for a wrong one."""
        if match.group(0) == "$$":
            return "$"
        if match.group(2) is not None:
            hint = "A param is used as ${name}; '$$' stands for a '$'."
            self.log.add(item.place, f"'{match.group(2)}' is not the use of a param", hint)
            return None
        found = self.look_up(match.group(1), item)
        if found is None:
            return None
        if isinstance(found.value, (dict, list)):
            self.log.add(item.place, f"param '{match.group(1)}' cannot stand inside a text")
            return None
        return _in_text(found.value)

    def look_up(self, name: str, item: Located) -> Located | None:
        if name not in self.defaults:
            self.note_unknown(name, item)
            return None
        if name in self.open:
            names = list(self.open)
            ring = " -> ".join([*names[names.index(name) :], name])
            self.log.add(item.place, f"params refer to each other in a ring: {ring}")
            return None
        found = self.param(name)
        self.spend(self.sizes[name], item)
        return None if found.faulty else found

    def note_unknown(self, name: str, item: Located) -> None:
        """Notes a use of what is no param, or of one that was deleted."""
        place = self.deleted.get(name)
        if place is not None and place.source != item.place.source:
            self.log.add_deletion(place, f"the param '{name}'", item.place)
            return
        hint = partial(did_you_mean, name, self.defaults, "params")
        self.log.add(item.place, f"unknown param '{name}'", hint)


def _size(item: Located) -> int:
    members = item.value.values() if item.is_mapping else item.value
    return 1 + (sum(map(_size, members)) if isinstance(item.value, (dict, list)) else 0)


def _depth(item: Located) -> int:
    members = item.value.values() if item.is_mapping else item.value
    inside = map(_depth, members) if isinstance(item.value, (dict, list)) else ()
    return 1 + max(inside, default=0)


def _in_text(value: bool | float | str | None) -> str:
    """A scalar inside a text, as YAML writes it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
