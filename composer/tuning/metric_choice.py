"""The metric that settings are compared by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from composer.errors import InputError
from composer.names import did_you_mean


def find_metric(name: str | None, evaluated: Sequence[Mapping[str, float]]) -> str:
    """The full name of a metric.

    Args:
        name: a name in full (`bbox/AP50`), or its end (`AP50`) where one task has it; None for
            the first metric.
        evaluated: the metrics of each setting by full name.

    Raises:
        InputError: no evaluation has it, or several tasks do.
    """
    known = list(dict.fromkeys(metric for each in evaluated for metric in each))
    if name is None:
        if not known:
            raise InputError("the evaluation has no metrics to compare settings by")
        return known[0]
    if name in known:
        return name
    found = [each for each in known if each.partition("/")[2] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"the metric '{name}' is ambiguous; it could be {', '.join(found)}")
    ends = [*known, *dict.fromkeys(each.partition("/")[2] for each in known)]
    raise InputError(
        f"the evaluation has no metric '{name}'. {did_you_mean(name, ends, 'metrics')}"
    )


def choose_best(values: Sequence[float]) -> int | None:
    """The place of the highest value, the first one of equals; NaN is none."""
    defined = [(value, -place) for place, value in enumerate(values) if value == value]
    return -max(defined)[1] if defined else None
