"""Applies settings: looks up addresses in several documents, and gives each its values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import Protocol

from composer.documents.problems import ProblemLog
from composer.documents.settings import Setting
from composer.names import NameIndex, find_alike, hint_at

_MAX_LISTED = 8  # addresses in a hint


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
    owners = {name: target for target in targets for name in target.names}
    index, rest = NameIndex(owners), []
    for setting in settings:
        found = find_addresses(setting.address, index)
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
    book = _AddressBook(targets)
    for setting in sorted(settings, key=lambda each: not each.is_pattern):
        _apply(setting, book, log)
        book = book.renewed()


class _AddressBook:
    """The addresses of several targets.

    Args:
        targets: the targets.
    """

    def __init__(self, targets: Sequence[Settable]) -> None:
        self.targets = targets
        self._listed = [target.addresses for target in targets]
        pairs = zip(targets, self._listed, strict=True)
        self.owners = {address: target for target, names in pairs for address in names}
        self.heads = {name.partition(".")[0]: target for name, target in self.owners.items()}
        self.index = NameIndex(self.owners)

    def renewed(self) -> _AddressBook:
        """The book after a setting: another one if a target lists other addresses now."""
        pairs = zip(self.targets, self._listed, strict=True)
        is_same = all(target.addresses is listed for target, listed in pairs)
        return self if is_same else _AddressBook(self.targets)

    @cached_property
    def sections(self) -> frozenset[str]:
        """What addresses begin with."""
        ends = ((name, at) for name in self.owners for at, sign in enumerate(name) if sign == ".")
        return frozenset(name[:at] for name, at in ends)

    @property
    def values(self) -> list[str]:
        """The addresses without those that take a mapping only."""
        sections = {section for target in self.targets for section in target.sections}
        return [address for address in self.owners if address not in sections]


def _apply(setting: Setting, book: _AddressBook, log: ProblemLog) -> None:
    found = find_addresses(setting.address, book.index)
    of_each: dict[int, list[str]] = {}
    for address in found:
        of_each.setdefault(book.targets.index(book.owners[address]), []).append(address)
    if len(of_each) > 1 and not setting.is_pattern:
        note_ambiguous(setting, found, log)
    elif not found and not _take_unknown(setting, book):
        log.add(setting.place, *_describe_missing(setting.address, book))
    else:
        for place, addresses in sorted(of_each.items()):
            book.targets[place].apply(setting, addresses)


def note_ambiguous(setting: Setting, found: Collection[str], log: ProblemLog) -> None:
    """Notes that an address can mean several values.

    Args:
        setting: the setting.
        found: the full addresses.
        log: takes the problem.
    """
    listing = ", ".join(sorted(found))
    log.add(setting.place, f"'{setting.address}' is ambiguous; it could be {listing}")


def find_addresses(name: str, index: NameIndex) -> list[str]:
    """The addresses that a name can mean: as it stands, else inside the section it begins with.

    Args:
        name: the name, or a pattern.
        index: the addresses.
    """
    found = index.find(name)
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        if found:
            break
        found = index.find(".".join(parts[length:]), ".".join(parts[:length]))
    return found


def _take_unknown(setting: Setting, book: _AddressBook) -> bool:
    """Offers a setting to what has the section that it names, or to all; whether one takes it."""
    head, dot, _ = setting.address.partition(".")
    asked = [book.heads[head]] if dot and head in book.heads else book.targets
    return any(target.take_unknown(setting) for target in asked)


def _describe_missing(address: str, book: _AddressBook) -> tuple[str, Callable[[], str]]:
    """The message about an address that means nothing, and a hint."""
    if address in book.sections:
        message = f"'{address}' is a section: name one of its settings, or give a mapping of them"
        return message, lambda: _list_inside(address, book.owners)
    message = f"there is nothing to set at '{address}'"
    return message, lambda: _suggest(address, book.values)


def _list_inside(section: str, candidates: Collection[str]) -> str:
    """A hint: the settings of a section."""
    inside = [name for name in candidates if name.startswith(f"{section}.")]
    shown = ", ".join(sorted(inside, key=lambda name: name.count("."))[:_MAX_LISTED])
    more = ", ..." if len(inside) > _MAX_LISTED else "."
    return f"Settings: {shown}{more}"


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
