"""Names of splits, in the spellings that folders and files have."""

from __future__ import annotations

import re

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def name_split(name: str) -> str | None:
    """The usual name of a split: `val` for `valid` and `validation`; None if it is none.

    What surrounds it, as in `instances_train2017`, does not matter.
    """
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if word]
    found = {_SPLITS[word] for word in words if word in _SPLITS}
    return found.pop() if len(found) == 1 else None
