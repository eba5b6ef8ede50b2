"""The longest of many prefixes that a key begins with."""

from __future__ import annotations

from collections.abc import Iterable


class PrefixIndex:
    """Finds prefixes without looking at each of them.

    Args:
        prefixes: the prefixes; the empty one is one of every key.
    """

    def __init__(self, prefixes: Iterable[str]) -> None:
        self._known = frozenset(prefixes)
        self._lengths = sorted({len(prefix) for prefix in self._known}, reverse=True)

    def find(self, key: str) -> str | None:
        """The longest prefix that a key begins with; None if there is none."""
        beginnings = (key[:length] for length in self._lengths if length <= len(key))
        return next((each for each in beginnings if each in self._known), None)
