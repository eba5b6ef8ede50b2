"""Keys of checkpoints: those of this codebase, or of others, which key mappings rename.

A plugin publishes a mapping as an entry point in the group `composer.checkpoints`: a class that
is built without arguments. It is imported only when a file's keys ask for one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from composer.errors import PluginError
from composer.registry import MAPPING_GROUP, Publication, Registry


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
        """Whether the file is one of a single network: some node's names without its prefix."""
        if self.is_whole(keys):
            return False
        below = [names for path, names in self.names.items() if self.prefix_of[path]]
        return any(_are_mostly_in(names, keys) for names in below)

    def beginnings(self) -> set[str]:
        """How keys begin in a file of a single network."""
        return {name.partition(".")[0] for names in self.names.values() for name in names}


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


class Recognition(NamedTuple):
    """Which family a checkpoint's keys belong to.

    Attributes:
        mapping: the first mapping that recognises the keys, or None.
        notes: why mappings could not be asked, a sentence each.
    """

    mapping: KeyMapping | None
    notes: tuple[str, ...] = ()


def recognise_keys(keys: Collection[str], registry: Registry | None = None) -> Recognition:
    """Asks the published mappings in the order of their names, each imported at its turn.

    One that fails is passed over, so that a broken plugin spoils no other checkpoint.

    Args:
        keys: the keys of a checkpoint.
        registry: the published mappings; those that are installed by default.
    """
    registry = registry or Registry.installed(MAPPING_GROUP)
    notes: list[str] = []
    for publication in registry.publications:
        try:
            mapping = _load(publication)
            if mapping.recognises(keys):
                return Recognition(mapping, tuple(notes))
        except PluginError as error:
            notes.append(f"key mapping {error}")
        except Exception as error:
            where = f"'{publication.name}' of {publication.label}"
            notes.append(f"key mapping {where} fails: {type(error).__name__}: {error}")
    return Recognition(None, tuple(notes))


def _load(publication: Publication) -> KeyMapping:
    target = publication.load()
    where = f"'{publication.name}' of {publication.label}"
    mapping = target() if callable(target) else target
    if not isinstance(mapping, KeyMapping):
        raise PluginError(
            f"{where} is no key mapping, which has name, matches_by_suffix, recognises and rename"
        )
    return mapping
