"""The feature levels that a backbone has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Levels:
    """Strides and channels of the levels of a backbone, finest first.

    Args:
        strides: stride by name.
        channels: channels by name, where they are known.
    """

    strides: dict[str, int]
    channels: dict[str, int]

    @property
    def names(self) -> list[str]:
        """Their names."""
        return list(self.strides)

    def channels_of(self, named: Sequence[str]) -> int | None:
        """The channels that some levels have in common; None where these are not known."""
        found = {self.channels.get(name) for name in named}
        return found.pop() if len(found) == 1 else None

    def differ(self, named: Sequence[str]) -> bool:
        """Whether some levels have channels of different numbers."""
        return len({self.channels.get(name) for name in named if name in self.strides}) > 1


NO_LEVELS = Levels({}, {})
