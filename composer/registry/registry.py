"""Finds what plugins publish by name: node types, port types, readers of datasets, ..."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from composer.discovery import (
    DISTRIBUTION,
    Candidate,
    Match,
    Publication,
    choose,
    describe_twins,
    discover,
    find_version,
    list_damage,
    list_unknown_groups,
)
from composer.errors import ComposerError, MissingPluginError, NameResolutionError, PluginError
from composer.names import closest

NODE_GROUP = "composer.nodes"
TYPE_GROUP = "composer.types"
MAPPING_GROUP = "composer.checkpoints"
DATASET_GROUP = "composer.datasets"
FORMAT_GROUP = "composer.formats"
AUGMENTATION_GROUP = "composer.augmentations"
MODEL_FOLDER_GROUP = "composer.model_folders"
EXPORTER_GROUP = "composer.exporters"
ENGINE_GROUP = "composer.engines"
CATALOGUE_GROUP = "composer.catalogues"
ADDRESS_GROUP = "composer.addresses"

_WHAT = {
    NODE_GROUP: "node type",
    TYPE_GROUP: "port type",
    MAPPING_GROUP: "key mapping",
    DATASET_GROUP: "reader of datasets",
    FORMAT_GROUP: "format of datasets",
    AUGMENTATION_GROUP: "augmentation",
    MODEL_FOLDER_GROUP: "reader of folders of models",
    EXPORTER_GROUP: "format of exported models",
    ENGINE_GROUP: "engine",
    CATALOGUE_GROUP: "catalogue",
    ADDRESS_GROUP: "scheme of addresses",
}
_OURS = f"{DISTRIBUTION}/"


class Found(NamedTuple):
    """What a name means.

    Attributes:
        name: the name as written.
        publication: what publishes it; None for a local object.
        note: a remark for the author of the document, or an empty text.
    """

    name: str
    publication: Publication | None
    note: str = ""

    @property
    def qualified(self) -> str:
        """The name that means the same wherever it is written; a local object's is its own."""
        return self.name if self.publication is None else self.publication.qualified

    @property
    def label(self) -> str:
        """The name with its plugin, for messages: `'mask_head' of composer-rcnn (...)`."""
        if self.publication is None:
            return f"'{self.name}'"
        return f"'{self.name}' of {self.publication.label}"


class Registry:
    """The names of one group.

    Args:
        publications: what plugins publish.
        local: objects by name that are not published; they come before published ones.
        what: what the names are, for messages.
    """

    def __init__(
        self,
        publications: Sequence[Publication] = (),
        local: Mapping[str, object] | None = None,
        what: str = "node type",
    ) -> None:
        self.publications = tuple(publications)
        self._by_name: dict[str, list[Publication]] = {}
        for each in publications:
            self._by_name.setdefault(each.name, []).append(each)
        self.local = dict(local or {})
        self.what = what

    @classmethod
    def installed(
        cls, group: str = NODE_GROUP, local: Mapping[str, object] | None = None
    ) -> Registry:
        """The registry of everything that is installed; nothing is imported."""
        return cls(discover(group), local, _WHAT.get(group, "name"))

    def names(self) -> list[str]:
        """All names that can be used, sorted."""
        return list(self._names)

    @cached_property
    def _names(self) -> list[str]:
        return sorted({p.name for p in self.publications if not p.fault} | self.local.keys())

    def find_all(self, name: str) -> Sequence[Publication]:
        """All publications of a bare name."""
        return self._by_name.get(name, [])

    def list_all(self) -> dict[str, Found]:
        """What can be used, by the name that a user writes: qualified where that is needed."""
        found = {name: Found(name, None) for name in self.local}
        for each in self.publications:
            for name in (each.name, each.qualified):
                try:
                    one = self.find(name)
                except ComposerError:
                    continue
                if one.publication == each:
                    found[name] = one._replace(note="")
                    break
        return found

    def is_ours(self, name: str) -> bool:
        """Whether a name is meant that our distribution publishes.

        Raises:
            ComposerError: as `find`.
        """
        publication = self.find(name).publication
        return publication is not None and publication.distribution == DISTRIBUTION

    def find(self, name: str, home: str | None = None, *, has_guesses: bool = True) -> Found:
        """What a name means.

        Args:
            name: the name, which may be qualified by a distribution.
            home: the distribution that the document belongs to in which the name is written; None
                for a user's own.
            has_guesses: whether the message of an unknown name says which known one is alike.

        Raises:
            NameResolutionError: if nothing publishes it.
            MissingPluginError: if its distribution is not installed.
            PluginError: if several publish it, or the name can never be used.
        """
        qualifier, _, bare = name.rpartition("/")
        if not qualifier and bare in self.local:
            return Found(name, None)
        named = self._by_name.get(bare, []) if bare != name else self._by_name.get(name, [])
        candidates = [
            Candidate(each, match) for each in named if (match := _match(each, qualifier))
        ]
        usable = [each for each in candidates if not each.publication.fault]
        if usable:
            return Found(name, *choose(self.what, bare, usable, home))
        for each in (*(candidate.publication for candidate in candidates), *self._whole(name)):
            raise PluginError(f"{self.what} '{name}' of {each.label} cannot be used: {each.fault}")
        self._require_plugin(name, qualifier)
        raise NameResolutionError(self._unknown(name, bare, qualifier, has_guesses=has_guesses))

    def load(self, name: str, home: str | None = None) -> object:
        """The object that a name means, its plugin imported.

        Args:
            name: as for `find`.
            home: as for `find`.

        Raises:
            NameResolutionError: if nothing publishes it.
            PluginError: if it is published twice or fails to import.
        """
        return self.load_found(self.find(name, home))

    def load_found(self, found: Found) -> object:
        """The object of a name that was found, its plugin imported.

        Raises:
            PluginError: if its plugin fails to import.
        """
        publication = found.publication
        return self.local[found.name] if publication is None else publication.load()

    def list_others(self, found: Found) -> list[Publication]:
        """What else goes by the bare name of something that was found."""
        bare = found.name.rpartition("/")[2]
        return [each for each in self._by_name.get(bare, []) if each != found.publication]

    def label(self, name: str, home: str | None = None) -> str:
        """The plugin of a name for messages: `'mask_head' of composer-rcnn (...)`."""
        return self.find(name, home).label

    def describe_fault(self, publication: Publication) -> str:
        """Why a publication cannot be used, or an empty text. Nothing is imported for it."""
        twins = [
            each
            for each in self._by_name[publication.name]
            if each.distribution == publication.distribution
        ]
        return publication.fault or (describe_twins(self.what, twins) if len(twins) > 1 else "")

    def _whole(self, name: str) -> list[Publication]:
        """Publications of a name with a slash, which nothing can mean, qualified or not."""
        if "/" not in name:
            return []
        qualifier, _, rest = name.partition("/")
        qualified = (each for each in self._by_name.get(rest, []) if each.matches(qualifier))
        return [*self._by_name.get(name, []), *qualified]

    def _require_plugin(self, name: str, qualifier: str) -> None:
        if not qualifier or any(each.matches(qualifier) for each in self.publications):
            return
        version = find_version(qualifier) if "/" not in qualifier else None
        problem = "is not installed" if version is None else f"{version} has none that is published"
        raise MissingPluginError(
            qualifier,
            f"the distribution '{qualifier}' {problem}, so there is no {self.what} '{name}'",
        )

    def _unknown(self, name: str, bare: str, qualifier: str, *, has_guesses: bool) -> str:
        published: Sequence[Publication] = self.publications
        known = self._names
        if qualifier:
            published = [each for each in published if each.matches(qualifier)]
            known = sorted({each.name for each in published if not each.fault})
        match = closest(bare, known) if has_guesses else None
        if match is None:
            if self.what in (_WHAT[NODE_GROUP], _WHAT[TYPE_GROUP]):
                return f"unknown {self.what} '{name}'; `composer nodes` lists what is installed"
            return f"unknown {self.what} '{name}'; there are: {', '.join(known) or 'none'}"
        owners = {p.distribution for p in published if p.name == match}
        origin = f" ({', '.join(sorted(owners))})" if owners else ""
        return f"unknown {self.what} '{name}'. Did you mean '{match}'{origin}?"


def list_faults(group: str) -> Iterator[str]:
    """A message for each name of a group that can never be used. Nothing is imported."""
    yield from _list_unusable(group)
    yield from list_damage([group])


def _list_unusable(group: str) -> Iterator[str]:
    registry = Registry.installed(group)
    for each in registry.publications:
        if fault := registry.describe_fault(each):
            yield f"{registry.what} '{each.name}' of {each.label} cannot be used: {fault}"


def list_all_faults() -> list[str]:
    """A message for each name of any group that can never be used, and for misspelt groups."""
    unusable = [fault for group in _WHAT for fault in _list_unusable(group)]
    return [*unusable, *list_damage(_WHAT), *list_unknown_groups()]


def short_name(name: str) -> str:
    """A name for people: without the qualifier if it is ours."""
    return name.removeprefix(_OURS)


def _match(publication: Publication, qualifier: str) -> Match | None:
    return publication.matches(qualifier) if qualifier else "name"
