"""Prefixes that wrappers put before all keys of a network: `module.`, `model.`, `net.`, ...

They are found by what fits the graph: each key votes for the prefix whose removal leaves one of the
names that are expected, so that no list of wrappers has to be complete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import NamedTuple

from composer.checkpoint.sections import is_averaged, is_wrapper

MAX_SEGMENTS = 4
# Buffers of wrappers, beside the keys that begin with the wrapper's name.
_COUNTERS = ("n_averaged", "num_updates", "decay")


class ExpectedKeys(NamedTuple):
    """The keys that a graph's tensors may have in a file.

    Attributes:
        whole: with the prefixes of their nodes.
        endings: without, or with the end of the prefix only.
    """

    whole: Collection[str]
    endings: Collection[str]


class PrefixVote(NamedTuple):
    """How well the keys of a file fit without a prefix.

    Attributes:
        prefix: the prefix, with its final dot; empty for the keys as they are.
        num_whole: keys that are expected ones without it.
        num_bare: keys that are endings of expected ones without it.
    """

    prefix: str
    num_whole: int
    num_bare: int

    @property
    def num_fitting(self) -> int:
        """Keys that are expected ones, whole or not."""
        return max(self.num_whole, self.num_bare)

    def order(self, section: str = "") -> tuple[int, int, bool, int]:
        """What makes one better than another: more keys, whole ones, averaged weights, shorter.

        Args:
            section: the name of the state dict that the keys are from.
        """
        averaged = is_averaged(section) or is_averaged(self.prefix)
        return self.num_fitting, self.num_whole, averaged, -self.prefix.count(".")


def find_prefixes(keys: Collection[str], expected: ExpectedKeys) -> list[PrefixVote]:
    """The prefixes under which keys fit, the best one first; none that fit no key.

    A prefix is offered if all keys share it, if it consists of the usual names of wrappers, or if
    half of what is expected is there without it. Keys as they are come first among equals.

    Args:
        keys: the keys of a file.
        expected: the keys that a graph expects.
    """
    whole, bare = Counter[str](), Counter[str]()
    for key in keys:
        for prefix in _beginnings(key):
            rest = key[len(prefix) :]
            whole[prefix] += rest in expected.whole
            bare[prefix] += rest in expected.endings
    shared = set(shared_prefixes(keys))
    votes = [
        PrefixVote(prefix, whole[prefix], bare[prefix])
        for prefix in whole
        if whole[prefix] or bare[prefix]
    ]
    offered = [
        vote
        for vote in votes
        if not vote.prefix
        or vote.prefix in shared
        or is_wrapper(vote.prefix)
        or 2 * vote.num_whole >= len(expected.whole)
        or (2 * vote.num_bare >= len(expected.whole) and not vote.num_whole)
    ]
    return sorted(offered, key=PrefixVote.order, reverse=True)


def shared_prefixes(keys: Collection[str]) -> list[str]:
    """The prefixes that all keys but a wrapper's own buffers have, the shortest first."""
    named = [key for key in keys if key.rpartition(".")[2] not in _COUNTERS or "." in key]
    first = next(iter(named), "")
    found = []
    for prefix in list(_beginnings(first))[1:]:
        if not all(key.startswith(prefix) for key in named):
            break
        found.append(prefix)
    return found


def _beginnings(key: str) -> Iterator[str]:
    """The empty prefix, then the key up to and with each of its first dots."""
    yield ""
    end = 0
    for _ in range(MAX_SEGMENTS):
        end = key.find(".", end) + 1
        if not end:
            return
        yield key[:end]
