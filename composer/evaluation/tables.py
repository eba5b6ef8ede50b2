"""Figures as text in columns."""

from __future__ import annotations

import math
from collections.abc import Mapping

_GAP = "  "


def format_table(corner: str, rows: Mapping[str, Mapping[str, float]]) -> str:
    """Writes rows of metrics below a head with their names; NaN is written as `nan`.

    Args:
        corner: what the rows are: the head of the first column.
        rows: metrics by name, by row. A row may lack some of them.
    """
    names = list(dict.fromkeys(name for metrics in rows.values() for name in metrics))
    cells = [[corner, *names]]
    for row, metrics in rows.items():
        cells.append([row, *(_format(metrics.get(name, math.nan)) for name in names)])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        _GAP.join(
            [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]
        ).rstrip()
        for first, *rest in cells
    )


def _format(value: float) -> str:
    """Counts as they are, fractions with three places."""
    return str(value) if isinstance(value, int) else f"{value:.3f}"
