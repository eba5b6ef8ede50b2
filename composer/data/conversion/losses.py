"""What a format cannot hold of a dataset."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class LossLog:
    """Counts what a format does not hold, by message."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, message: str, count: int = 1) -> None:
        """Notes a loss: a message that is continued by a number, such as `crowds are left out`."""
        self.counts[message] += count

    def describe(self) -> list[str]:
        """A line for each kind of loss, with its number."""
        return [f"{message}: {count}" for message, count in self.counts.items() if count]
