"""The best value of a metric, for `best` checkpoints and early stopping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composer.errors import TrainingError
from composer.names import did_you_mean
from composer.training.settings import MetricSettings


class BestMetric:
    """Tracks the best value of a metric, and the number of evaluations since.

    Args:
        settings: the metric.
        min_change: smaller changes do not count as better.

    Attributes:
        value: the best value, or None.
        iteration: its iteration.
        num_worse: the evaluations since then.
    """

    def __init__(self, settings: MetricSettings, min_change: float = 0.0) -> None:
        self.settings, self.min_change = settings, min_change
        self.value: float | None = None
        self.iteration = self.num_worse = 0

    def update(self, metrics: Mapping[str, float], iteration: int) -> bool:
        """Adds an evaluation; whether it is the best so far.

        Raises:
            TrainingError: the metric is not among those that were evaluated.
        """
        name = self.settings.metric
        if name not in metrics:
            hint = did_you_mean(name, metrics, "metrics")
            raise TrainingError(f"the evaluation has no metric '{name}'. {hint}")
        if not self._is_better(metrics[name]):
            self.num_worse += 1
            return False
        self.value, self.iteration, self.num_worse = metrics[name], iteration, 0
        return True

    def _is_better(self, value: float) -> bool:
        if value != value:  # not a number: nothing was found, say
            return False
        if self.value is None:
            return True
        gain = value - self.value if self.settings.better == "higher" else self.value - value
        return gain > self.min_change

    def as_values(self) -> dict[str, Any]:
        """Metric and best value as plain values."""
        return {
            "metric": self.settings.metric,
            "better": self.settings.better,
            "value": self.value,
            "iteration": self.iteration,
            "num_worse": self.num_worse,
        }

    def restore(self, values: Mapping[str, Any]) -> bool:
        """Restores plain values; whether they are of the same metric and order.

        Values of another metric are not comparable, and are dropped. Older checkpoints do not name
        theirs.
        """
        own = self.as_values()
        if any(values.get(key, own[key]) != own[key] for key in ("metric", "better")):
            return False
        self.value, self.iteration = values["value"], values["iteration"]
        self.num_worse = values["num_worse"]
        return True
