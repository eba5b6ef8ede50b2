"""A YAML document whose params and values can be set."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from composer.documents.addresses import Address, Location, list_addresses, put, write_address
from composer.documents.document_part import SOURCE, NamingPart
from composer.documents.located import Located, locate
from composer.documents.model_types import is_model, list_types_at
from composer.documents.params import describe_held, substitute_params
from composer.documents.places import Place
from composer.documents.problems import ProblemLog
from composer.documents.repetitions import Repetitions
from composer.documents.settable import apply_settings, find_addresses, note_ambiguous
from composer.documents.settings import Setting, read_settings
from composer.documents.validation import FOLDER, NOTES, validate
from composer.names import NameIndex

_Model = TypeVar("_Model", bound=BaseModel)
_LANGUAGE = ("params", "set")  # sections that the model of a document is not given
_NAME = "uses"
_LOGGER = logging.getLogger("composer.documents")


class SettableDocument(Generic[_Model]):
    """A YAML document whose params and values can be set.

    Params are substituted first; values are set after that.

    Args:
        root: the document as it was read.
        model: the pydantic model of the document.
        log: collects its problems.
        prefix: start of addresses and names of params, with a dot at the end.
    """

    def __init__(
        self, root: Located, model: type[_Model], log: ProblemLog, prefix: str = ""
    ) -> None:
        self._model, self._log, self._prefix = model, log, prefix
        self._root, self._given = root, dict[str, Located]()
        self._changed: Located | None = None
        self._listed: _Listing | None = None
        self._replaced: list[tuple[Location, str, Place]] = []
        self._put: list[tuple[Location, Setting]] = []
        self._repetitions = Repetitions(log)
        if not root.is_mapping:
            keys = [field.alias or name for name, field in model.model_fields.items()]
            log.add(root.place, f"a mapping is expected, with the keys {', '.join(keys)}")
            log.raise_any()

    @property
    def names(self) -> Collection[str]:
        """The names of its params, with the prefix, until they are in place."""
        if self._changed is not None:
            return []
        section = self._root.get("params")
        entries = [] if section is None else [name for name, _ in section.entries()]
        return [self._prefix + name for name in entries]

    @property
    def document(self) -> Located:
        """The values with params in place, as far as they are set."""
        if self._changed is None:
            self._changed, _ = substitute_params(self._root, self._given, self._log)
        return self._changed

    @property
    def settings(self) -> list[Setting]:
        """The settings of its section `set:`."""
        return read_settings(self.document.get("set"), self._log)

    @property
    def addresses(self) -> Mapping[str, Address]:
        """The addresses of its values; those that begin with the prefix, where there is one."""
        return self._listing.by_name

    @property
    def _listing(self) -> _Listing:
        if self._listed is None:
            found = list_addresses(self.document, self._model)
            section = self._prefix.rstrip(".")
            self._listed = _Listing(
                {
                    name: address
                    for name, address in found.items()
                    if not section or name == section or name.startswith(self._prefix)
                }
            )
        return self._listed

    @property
    def sections(self) -> Collection[str]:
        """None: the sections of a document can be put in place as a whole."""
        return ()

    def set_param(self, name: str, setting: Setting) -> None:
        """Gives a param its value."""
        self.note_repeated(f"params.{name}", setting)
        self._given[name.removeprefix(self._prefix)] = setting.value

    def apply(self, setting: Setting, found: Sequence[str]) -> None:
        """Sets the values of all addresses that match; an ambiguous address is a problem."""
        if len(found) > 1 and not setting.is_pattern:
            note_ambiguous(setting, found, self._log)
            return
        addresses = self.addresses
        for name in found:
            address = addresses[name]
            if address.is_section and setting.value.is_mapping:
                for inner in setting.spread(name):
                    apply_settings([inner], [self], self._log)
            else:
                self.put(address.location, setting)

    def note_repeated(self, address: str, setting: Setting) -> None:
        """Notes a problem if one section sets a value twice; patterns may meet other settings."""
        if not setting.is_pattern:
            self._repetitions.note(address, setting.section, setting.place)

    def put(self, location: Location, setting: Setting) -> None:
        """Sets the value at a location; notes if it had that of a param."""
        self.note_repeated(write_address(location), setting)
        param = _list_held(self.document).get(location)
        if param and param != setting.value.param:
            self._replaced.append((location, param, setting.place))
        self._put.append((location, setting))
        self._replace(location, setting.value, setting.place)

    def _replace(self, location: Location, value: Located, place: Place) -> None:
        if self._listed is not None and not self._listed.outlasts(self.document, location, value):
            self._listed = None
        self._changed = put(self.document, location, value, place)

    def leave_out(self, section: str, why: str) -> None:
        """Sets a section to null; settings of it, except for wildcards, are problems.

        Args:
            section: the key.
            why: the reason, for the message.
        """
        for location, setting in self._put:
            if (
                location[0] == section
                and not setting.is_pattern
                and setting.value.value is not None
            ):
                self._log.add(setting.place, f"'{write_address(location)}' has no effect: {why}")
        place = self.document.key_place(section)
        self._replace((section,), Located(None, place), place)

    def take_unknown(self, setting: Setting) -> bool:
        """Adds an entry to a mapping that may have any; whether the address names one."""
        parent, _, name = setting.address.rpartition(".")
        addresses = self.addresses
        found = find_addresses(parent, self._listing.index) if parent else []
        if len(found) != 1 or not addresses[found[0]].is_open:
            return False
        self.put((*addresses[found[0]].location, name), setting)
        return True

    def validated(self, folder: Path) -> _Model | None:
        """The model; None if the log has a problem of it. Logs the notes on settings.

        Args:
            folder: what relative paths are relative to.
        """
        entries = {key: item for key, item in self.document.entries() if key not in _LANGUAGE}
        document = replace(self.document, value=entries)
        notes = list[str]()
        context = {FOLDER: folder, NOTES: notes}
        found = validate(_with_sources(document, [self._model]), self._model, self._log, context)
        for note in dict.fromkeys([*self._describe_replaced(), *notes]):
            _LOGGER.warning(note)
        return found

    def _describe_replaced(self) -> Iterator[str]:
        """Notes on values that had been those of params, and on what keeps these."""
        held = _list_held(self.document)
        for location, param, place in self._replaced:
            users = [write_address(each) for each, name in held.items() if name == param]
            yield f"note: {describe_held(write_address(location), param, place, users)}"


def _list_held(document: Located) -> dict[Location, str]:
    """The params that values of a document come from, by location."""

    def walk(item: Located, way: Location) -> Iterator[tuple[Location, str]]:
        if item.param:
            yield way, item.param
        elif isinstance(item.value, (dict, list)):
            keys = item.value if item.is_mapping else range(len(item.value))
            for key in keys:
                yield from walk(item.value[key], (*way, key))

    sections = [(key, item) for key, item in document.entries() if key not in _LANGUAGE]
    return dict(pair for key, item in sections for pair in walk(item, (key,)))


class _Listing:
    """The addresses of a document, which stay the same while plain values are set.

    Args:
        by_name: the addresses.
    """

    def __init__(self, by_name: Mapping[str, Address]) -> None:
        self.by_name = by_name

    @cached_property
    def index(self) -> NameIndex:
        """Finds their names."""
        return NameIndex(self.by_name)

    def outlasts(self, document: Located, location: Location, value: Located) -> bool:
        """Whether the document has the same addresses after a change.

        Args:
            document: the document before.
            location: where a value is put.
            value: the value.
        """
        if location[-1] == _NAME or location not in self._locations:
            return False
        return not any(isinstance(v.value, (dict, list)) for v in (value, document.at(location)))

    @cached_property
    def _locations(self) -> frozenset[Location]:
        return frozenset(address.location for address in self.by_name.values())


def _with_sources(item: Located, kinds: Sequence[Any]) -> Located:
    """A document whose parts that name what plugins publish say where that name is written.

    Args:
        item: the document, or a value in it.
        kinds: the types that the value may have.
    """
    if isinstance(item.value, list):
        members = enumerate(item.value)
        return replace(item, value=[_with_sources(m, _types_at(kinds, i)) for i, m in members])
    if not item.is_mapping:
        return item
    items = {key: _with_sources(inner, _types_at(kinds, key)) for key, inner in item.entries()}
    named = item.get(_NAME)
    if named is not None and any(is_model(k) and issubclass(k, NamingPart) for k in kinds):
        place = named.origin or named.place
        items[SOURCE] = locate([place.source, str(place)], place.source)
    return replace(item, value=items)


def _types_at(kinds: Sequence[Any], step: str | int) -> list[Any]:
    return [inner for kind in kinds for inner in list_types_at(kind, step)]
