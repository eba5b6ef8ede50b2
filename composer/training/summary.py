"""The summary of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FINISHED, STOPPED_EARLY = "finished", "stopped early"


@dataclass(frozen=True)
class Summary:
    """Status and metrics of a training.

    Args:
        status: "finished", "stopped early", or "interrupted by" a signal.
        iteration: number of iterations done.
        seconds: wall time of this process.
        metrics: metrics of the last evaluation.
        best: the metric that decides, its best value, and the iteration of that; None without one.
        record: the last record of losses and the like.
        is_averaged: whether the saved weights are averaged.
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
        """Whether the training need not be resumed."""
        return self.status in (FINISHED, STOPPED_EARLY)
