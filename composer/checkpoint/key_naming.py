"""Whether the keys of a file are those that nodes have, as they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class KeyNaming:
    """What the tensors of some nodes may be called in a file.

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
        wanted = [self.prefix_of[path] + name for path in self.names for name in self.names[path]]
        return _are_mostly_in(wanted, keys)

    def is_bare(self, keys: Collection[str]) -> bool:
        """Whether the file is one of a single network: some node's names without its prefix."""
        if self.is_whole(keys):
            return False
        below = [names for path, names in self.names.items() if self.prefix_of[path]]
        return any(_are_mostly_in(names, keys) for names in below)

    def beginnings(self) -> set[str]:
        """How keys begin in a file of a single network."""
        return {name.partition(".")[0] for names in self.names.values() for name in names}


def _are_mostly_in(wanted: Collection[str], keys: Collection[str]) -> bool:
    return 2 * sum(key in keys for key in wanted) >= len(wanted) > 0
