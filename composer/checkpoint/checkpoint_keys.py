"""Keys of checkpoints: those of this codebase, or of others, which key mappings rename.

A plugin publishes a mapping as an entry point in the group `composer.checkpoints`: a class that
is built without arguments. It is imported only when a file's keys ask for one.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from composer.checkpoint.key_prefixes import ExpectedKeys
from composer.discovery import DISTRIBUTION, surviving_exits
from composer.errors import CheckpointError, NameResolutionError, PluginError
from composer.escapes import describe_error
from composer.names import did_you_mean
from composer.registry import MAPPING_GROUP, Publication, Registry

_LOGGER = logging.getLogger(__name__)
NO_MAPPING = "none"


@dataclass(frozen=True)
class KeyNaming:
    """The names that the tensors of some nodes may have in a file.

    Args:
        names: node path -> the names of its tensors within the node.
        prefix_of: node path -> the prefix that they have in a file of the whole graph.
    """

    names: Mapping[str, Collection[str]]
    prefix_of: Mapping[str, str]

    def fits(self, keys: Collection[str]) -> bool:
        """Whether a file's keys are these names, with prefixes or bare."""
        return self.is_whole(keys) or self.is_bare(keys)

    def is_whole(self, keys: Collection[str]) -> bool:
        """Whether half of the names or more are among the keys, with their prefixes."""
        expected = [self.prefix_of[path] + name for path in self.names for name in self.names[path]]
        return _are_mostly_in(expected, keys)

    def is_bare(self, keys: Collection[str]) -> bool:
        """Whether the file is one of a part: some node's names without (all of) its prefix."""
        if self.is_whole(keys):
            return False
        return any(
            _are_mostly_in([ending + name for name in names], keys)
            for path, names in self.names.items()
            for ending in _endings_of(self.prefix_of[path])
        )

    def expected_keys(self) -> ExpectedKeys:
        """The keys that tensors may have in a file: whole, and without (all of) their prefixes."""
        return ExpectedKeys(
            {self.prefix_of[path] + name for path, names in self.names.items() for name in names},
            {
                ending + name
                for path, names in self.names.items()
                for ending in _endings_of(self.prefix_of[path])
                for name in names
            },
        )

    def beginnings(self) -> set[str]:
        """How keys begin in a file of a single network."""
        return {name.partition(".")[0] for names in self.names.values() for name in names}


def _endings_of(prefix: str) -> Iterator[str]:
    """The prefix without its first name, without its first two, ... to the empty one."""
    while prefix:
        prefix = prefix.partition(".")[2]
        yield prefix


def _are_mostly_in(expected: Collection[str], keys: Collection[str]) -> bool:
    return 2 * sum(key in keys for key in expected) >= len(expected) > 0


@runtime_checkable
class KeyMapping(Protocol):
    """Renames the tensors of one foreign family of checkpoints."""

    @property
    def name(self) -> str:
        """The family, for people: "caffe2"."""
        ...

    @property
    def matches_by_suffix(self) -> bool:
        """Whether its new names are endings of keys, to be matched as such."""
        ...

    def recognises(self, keys: Collection[str]) -> bool:
        """Whether a checkpoint with these keys is one of the family."""
        ...

    def rename(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors under new names, converted where the family orders values differently."""
        ...


class PublishedMapping(NamedTuple):
    """A key mapping, and who publishes it.

    Attributes:
        mapping: the mapping.
        name: the name that it is published under.
        label: plugin, distribution and version, for messages; empty of one that is not published.
        distribution: the distribution; empty of one that is not published.
    """

    mapping: KeyMapping
    name: str
    label: str
    distribution: str = ""

    @property
    def family(self) -> str:
        """The family of its names, with the distribution of one that another publishes."""
        is_others = self.distribution not in ("", DISTRIBUTION)
        return f"{self.mapping.name} of {self.distribution}" if is_others else self.mapping.name

    def __str__(self) -> str:
        return f"'{self.name}' of {self.label}" if self.label else f"'{self.name}'"


class Recognition(NamedTuple):
    """The families that a checkpoint's keys may belong to.

    Attributes:
        mappings: the mappings that recognise the keys, in the order in which they were asked.
        notes: why mappings could not be asked, a sentence each.
    """

    mappings: tuple[PublishedMapping, ...]
    notes: tuple[str, ...] = ()

    @property
    def mapping(self) -> KeyMapping | None:
        """The first of the mappings, or None."""
        return self.mappings[0].mapping if self.mappings else None


def recognise_keys(
    keys: Collection[str],
    registry: Registry | None = None,
    *,
    distributions: Collection[str] | None = None,
) -> Recognition:
    """Asks the published mappings in the order of their names, ours first.

    One that fails is passed over, so that a broken plugin spoils no other checkpoint.

    Args:
        keys: the keys of a checkpoint.
        registry: the published mappings; those that are installed by default.
        distributions: those whose mappings are asked, and imported; all by default.
    """
    registry = registry or Registry.installed(MAPPING_GROUP)
    found: list[PublishedMapping] = []
    notes: list[str] = []
    for publication in sorted(registry.publications, key=lambda p: p.distribution != DISTRIBUTION):
        if distributions is not None and publication.distribution not in distributions:
            continue
        try:
            with surviving_exits():
                mapping = _load(publication)
                is_known = mapping.recognises(keys)
            if is_known:
                found.append(_describe(mapping, publication))
        except PluginError as error:
            notes.append(f"key mapping {error}")
        except Exception as error:
            where = f"'{publication.name}' of {publication.label}"
            notes.append(f"key mapping {where} fails: {describe_error(error)}")
    return Recognition(tuple(found), tuple(notes))


def find_mapping(name: str, registry: Registry | None = None) -> PublishedMapping:
    """The published key mapping of a name, which may be qualified.

    Raises:
        CheckpointError: there is no such mapping, or its plugin fails.
    """
    registry = registry or Registry.installed(MAPPING_GROUP)
    try:
        _, publication, note = registry.find(name)
    except NameResolutionError:
        known = [*registry.names(), NO_MAPPING]
        hint = did_you_mean(name, known, "key mappings")
        raise CheckpointError(f"there is no key mapping '{name}'. {hint}") from None
    except PluginError as error:
        raise CheckpointError(str(error)) from error
    assert publication is not None
    if note:
        _LOGGER.warning("note: %s", note)
    try:
        return _describe(_load(publication), publication)
    except PluginError as error:
        raise CheckpointError(f"key mapping {error}") from error


def _describe(mapping: KeyMapping, publication: Publication) -> PublishedMapping:
    return PublishedMapping(mapping, publication.name, publication.label, publication.distribution)


def _load(publication: Publication) -> KeyMapping:
    target = publication.load()
    where = f"'{publication.name}' of {publication.label}"
    mapping = target() if callable(target) else target
    if not isinstance(mapping, KeyMapping):
        raise PluginError(
            f"{where} is no key mapping, which has name, matches_by_suffix, recognises and rename"
        )
    return mapping
