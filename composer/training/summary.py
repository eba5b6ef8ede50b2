"""How a training ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FINISHED, STOPPED_EARLY = "finished", "stopped early"


@dataclass(frozen=True)
class Summary:
    """How a training ended.

    Args:
        status: "finished", "stopped early", or "interrupted by" a signal.
        iteration: how many iterations are done.
        seconds: how long this process took.
        metrics: what was measured last.
        best: the metric that decides, its best value, and the iteration of that; None without one.
        record: the last record of losses and the like.
        is_averaged: whether the weights that it left behind are averaged.
    """

    status: str
    iteration: int
    seconds: float
    metrics: Mapping[str, float]
    best: Mapping[str, Any] | None
    record: Mapping[str, float]
    is_averaged: bool

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing left to be done."""
        return self.status in (FINISHED, STOPPED_EARLY)
