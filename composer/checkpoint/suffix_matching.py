"""Matching the keys of a model with those of a checkpoint by their longest common ending."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from composer.errors import CheckpointError


def match_by_suffix(wanted: Collection[str], available: Collection[str]) -> dict[str, str]:
    """For each wanted key, the longest available one that is it or ends it after a dot.

    `backbone.bottom_up.res2.0.conv1.weight` takes `res2.0.conv1.weight`, not `conv1.weight`.

    Args:
        wanted: full keys of a model.
        available: keys of a checkpoint.

    Returns:
        wanted key -> available key, for those that match.

    Raises:
        CheckpointError: one available key is the best for two wanted ones.
    """
    known = frozenset(available)
    matches: dict[str, str] = {}
    owners: dict[str, str] = {}
    for key in wanted:
        match = next((ending for ending in _endings(key) if ending in known), None)
        if match is None:
            continue
        if match in owners:
            raise CheckpointError(
                f"The checkpoint's '{match}' fits both '{owners[match]}' and '{key}'. "
                "Load the nodes one at a time, naming the node."
            )
        owners[match] = key
        matches[key] = match
    return matches


def _endings(key: str) -> Iterator[str]:
    """The key, then what follows each of its dots: from the longest to the shortest."""
    yield key
    while "." in key:
        key = key.partition(".")[2]
        yield key
