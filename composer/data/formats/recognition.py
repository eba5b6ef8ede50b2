"""What a folder or a file of annotations was recognised as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from composer.registry import short_name

_ORDER = ("train", "val", "test")


@dataclass(frozen=True)
class Recognition:
    """A format, and how its datasets are read.

    Args:
        title: name of the format, for people: `YOLO, as Ultralytics has it`.
        reader: name of the reader, in the group `composer.datasets`.
        evidence: what it was recognised by.
        datasets: configuration of the reader for each split; the name is empty where there is one
            dataset that has none.
        notes: what a user is to know of it.
        unread: files that look like annotations, and are of no format that is recognised.
    """

    title: str
    reader: str
    evidence: str
    datasets: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits; none if the format has one dataset without a name."""
        return tuple(name for name in self.datasets if name)

    def describe(self) -> str:
        """The format, its evidence and its splits, in a line."""
        splits = f"; splits: {', '.join(self.splits)}" if self.splits else ""
        return f"{self.title} (reader {short_name(self.reader)}): {self.evidence}{splits}"


def sort_splits(datasets: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Datasets by split: `train`, `val` and `test` first, then the others by name."""

    def place(name: str) -> tuple[int, str]:
        return (_ORDER.index(name) if name in _ORDER else len(_ORDER)), name

    return {name: datasets[name] for name in sorted(datasets, key=place)}
