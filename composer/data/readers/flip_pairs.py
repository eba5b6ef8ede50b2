"""Pairs of keypoints that change places in a mirror, as datasets and users name them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from composer.errors import DataError


def describe_bad_pairs(pairs: Sequence[tuple[str, str]], names: Sequence[str]) -> str:
    """Why pairs of names are none that change places in a mirror; nothing if they are."""
    counts = Counter(name for pair in pairs for name in pair)
    for name, times in counts.items():
        if name not in names:
            return f"there is no keypoint '{name}'"
        if times > 1:
            return f"the keypoint '{name}' is there {times} times; it has one partner"
        if names.count(name) > 1:
            return f"there are {names.count(name)} keypoints '{name}'"
    return ""


def index_pairs(
    pairs: Sequence[tuple[str, str]], names: Sequence[str]
) -> tuple[tuple[int, int], ...]:
    """The positions of pairs of keypoints.

    Args:
        pairs: names of keypoints.
        names: all keypoints in order.

    Raises:
        DataError: a keypoint is not there, or has several partners.
    """
    if reason := describe_bad_pairs(pairs, names):
        raise DataError(f"'keypoint_flip_pairs': {reason}")
    return tuple((names.index(a), names.index(b)) for a, b in pairs)
