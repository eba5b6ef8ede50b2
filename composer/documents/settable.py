"""Applies settings: looks up addresses in several documents, and sets values."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from composer.documents.addresses import Address, Location, list_addresses, put, write_address
from composer.documents.located import Located
from composer.documents.params import describe_held, substitute_params
from composer.documents.places import Place
from composer.documents.problems import ProblemLog
from composer.documents.repetitions import Repetitions
from composer.documents.settings import Setting, read_settings
from composer.documents.validation import FOLDER, NOTES, WRITTEN_IN, validate
from composer.names import find_alike, find_names, hint_at

_Model = TypeVar("_Model", bound=BaseModel)
_LANGUAGE = ("params", "set")  # sections that the model of a document is not given
_MAX_LISTED = 8  # addresses in a hint
_LOGGER = logging.getLogger("composer.documents")


class Settable(Protocol):
    """A target of settings: a document, or the model of an experiment."""

    @property
    def names(self) -> Collection[str]:
        """Full names of params and aliases, which are looked up before all addresses."""

    @property
    def addresses(self) -> Collection[str]:
        """All full addresses."""

    @property
    def sections(self) -> Collection[str]:
        """Of those, the ones that take a mapping only, and are no settings to suggest."""

    def set_param(self, name: str, setting: Setting) -> None:
        """Gives a param its value."""

    def apply(self, setting: Setting, found: Sequence[str]) -> None:
        """Sets the values of all addresses that match; an ambiguous address is a problem."""

    def take_unknown(self, setting: Setting) -> bool:
        """Takes a setting of none of the addresses; returns whether it does."""


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
        found = list_addresses(self.document, self._model)
        section = self._prefix.rstrip(".")
        if not section:
            return found
        return {
            name: address
            for name, address in found.items()
            if name == section or name.startswith(self._prefix)
        }

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
        self._changed = put(self.document, location, setting.value, setting.place)

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
        self._changed = put(self.document, (section,), Located(None, place), place)

    def take_unknown(self, setting: Setting) -> bool:
        """Adds an entry to a mapping that may have any; whether the address names one."""
        parent, _, name = setting.address.rpartition(".")
        addresses = self.addresses
        found = _find(parent, addresses) if parent else []
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
        context = {FOLDER: folder, WRITTEN_IN: dict(_list_names(document)), NOTES: notes}
        found = validate(document, self._model, self._log, context)
        for note in dict.fromkeys([*self._describe_replaced(), *notes]):
            _LOGGER.warning(note)
        return found

    def _describe_replaced(self) -> Iterator[str]:
        """Notes on values that had been those of params, and on what keeps these."""
        held = _list_held(self.document)
        for location, param, place in self._replaced:
            users = [write_address(each) for each, name in held.items() if name == param]
            yield f"note: {describe_held(write_address(location), param, place, users)}"


def spread_sections(settings: Sequence[Setting], sections: Collection[str]) -> list[Setting]:
    """Settings in which a mapping for a whole section is one setting for each of its keys.

    Args:
        settings: the settings.
        sections: the sections that have params.
    """
    found: list[Setting] = []
    for setting in settings:
        if setting.address in sections and setting.value.is_mapping:
            found += setting.spread(setting.address)
        else:
            found.append(setting)
    return found


def give_params(settings: Sequence[Setting], targets: Sequence[Settable]) -> list[Setting]:
    """Sets params.

    Args:
        settings: the settings.
        targets: the documents and models.

    Returns:
        The settings that name no param.
    """
    rest = []
    for setting in settings:
        owners = {name: target for target in targets for name in target.names}
        found = _find(setting.address, owners)
        if len(found) == 1 or (found and setting.is_pattern):
            for name in found:
                owners[name].set_param(name, setting)
        else:
            rest.append(setting)
    return rest


def apply_settings(
    settings: Sequence[Setting], targets: Sequence[Settable], log: ProblemLog
) -> None:
    """Sets values by address: exact addresses override wildcards, and later settings earlier ones.

    Args:
        settings: the settings of one section, in order.
        targets: what takes them; a unique end of an address counts over all of them.
        log: takes addresses that mean nothing, or several values.
    """
    for setting in sorted(settings, key=lambda each: not each.is_pattern):
        _apply(setting, targets, log)


def _apply(setting: Setting, targets: Sequence[Settable], log: ProblemLog) -> None:
    owners = {address: target for target in targets for address in target.addresses}
    found = _find(setting.address, owners)
    of_each = [(target, [one for one in found if owners[one] is target]) for target in targets]
    of_each = [(target, addresses) for target, addresses in of_each if addresses]
    if len(of_each) > 1 and not setting.is_pattern:
        note_ambiguous(setting, found, log)
    elif not found and not _take_unknown(setting, targets, owners):
        sections = {section for target in targets for section in target.sections}
        log.add(setting.place, *_describe_missing(setting.address, owners, sections))
    else:
        for target, addresses in of_each:
            target.apply(setting, addresses)


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


def _list_names(item: Located) -> Iterator[tuple[str, str]]:
    """Names of what plugins publish, and the documents that they are written in."""
    uses = item.get("uses")
    if uses is not None and isinstance(uses.value, str):
        yield uses.value, (uses.origin or uses.place).source
    members = item.value.values() if item.is_mapping else item.value
    for member in members if isinstance(item.value, (dict, list)) else ():
        yield from _list_names(member)


def note_ambiguous(setting: Setting, found: Collection[str], log: ProblemLog) -> None:
    """Notes that an address can mean several values.

    Args:
        setting: the setting.
        found: the full addresses.
        log: takes the problem.
    """
    listing = ", ".join(sorted(found))
    log.add(setting.place, f"'{setting.address}' is ambiguous; it could be {listing}")


def _find(name: str, candidates: Collection[str]) -> list[str]:
    """The candidates that a name can mean: as it stands, else inside the section it begins with."""
    found = find_names(name, candidates)
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        if found:
            break
        section = ".".join(parts[:length]) + "."
        inside = [full.removeprefix(section) for full in candidates if full.startswith(section)]
        found = [section + full for full in find_names(".".join(parts[length:]), inside)]
    return found


def _take_unknown(
    setting: Setting, targets: Sequence[Settable], owners: Mapping[str, Settable]
) -> bool:
    """Offers a setting to what has the section that it names, or to all; whether one takes it."""
    heads = {address.partition(".")[0]: target for address, target in owners.items()}
    head, dot, _ = setting.address.partition(".")
    asked = [heads[head]] if dot and head in heads else targets
    return any(target.take_unknown(setting) for target in asked)


def _describe_missing(
    address: str, candidates: Collection[str], sections: Collection[str]
) -> tuple[str, str | Callable[[], str]]:
    """The message about an address that means nothing, and a hint."""
    inside = [name for name in candidates if name.startswith(f"{address}.")]
    if inside:
        shown = ", ".join(sorted(inside, key=lambda name: name.count("."))[:_MAX_LISTED])
        more = ", ..." if len(inside) > _MAX_LISTED else "."
        message = f"'{address}' is a section: name one of its settings, or give a mapping of them"
        return message, f"Settings: {shown}{more}"
    message = f"there is nothing to set at '{address}'"
    return message, lambda: _suggest(address, [c for c in candidates if c not in sections])


def _suggest(name: str, candidates: Collection[str]) -> str:
    """The addresses that a misspelt one is most like, be they written in full or by their ends."""
    if (
        found := _end_alike(name, candidates)
        or _alike_inside(name, candidates)
        or find_alike(name, candidates)
    ):
        return hint_at(found)
    heads = sorted({full.partition(".")[0] for full in candidates})
    return f"Addresses begin with: {', '.join(heads)}."


def _end_alike(name: str, candidates: Collection[str]) -> list[str]:
    """The addresses that end as a name does but for sections `with`, which addresses do without.

    A data file's `train.with.classes` is `datasets.train.classes` of an experiment, whose own
    section `train` is another.
    """
    end = "." + ".".join(part for part in name.split(".") if part != "with")
    return [full for full in candidates if full.endswith(end)] if end != "." else []


def _alike_inside(name: str, candidates: Collection[str]) -> list[str]:
    """The addresses most like a name, in the section that it begins with."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        section = ".".join(parts[:length]) + "."
        inside = [full for full in candidates if full.startswith(section)]
        for rest in (".".join(parts[length:]), parts[-1]):
            if found := find_alike(rest, inside):
                return found
    return []
