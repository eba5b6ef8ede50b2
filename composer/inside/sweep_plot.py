"""A picture of a sweep, drawn with matplotlib: the change of the score at each place."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from composer.escapes import escape_name
from composer.figures import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from composer.inside.sweep_table import Sweep, SweepRow

_LESS, _MORE = "#b5403f", "#2f6690"
_MAX_NAMED = 40  # bars that have room for a name
_MAX_WORDS = 6  # columns of a map that have room for words


def plot_sweep(path: str | os.PathLike[str], sweep: Sweep) -> None:
    """Draws bars, or where there are several edits at several places, a map of both.

    Args:
        path: the file, `.png`, `.svg` or `.pdf`.
        sweep: the sweep.

    Raises:
        InputError: the file has another ending.
        OSError: it cannot be written.
    """
    save_figure(path, partial(_draw, sweep), what="a sweep", others=(".json",), font_size=9)


def _draw(sweep: Sweep) -> Figure:
    figure = _draw_changes(sweep)
    title = f"{escape_name(sweep.score)}: {sweep.before:.4g} without edits"
    figure.suptitle(title, fontsize=10)
    return figure


def _draw_changes(sweep: Sweep) -> Figure:
    from matplotlib.figure import Figure

    rows = sweep.rows
    places, edits = (list(dict.fromkeys(names)) for names in zip(*_names(rows), strict=True))
    if len(places) > 1 and len(edits) > 1:
        size = (2.5 + 0.9 * min(len(edits), _MAX_NAMED), 1.5 + 0.3 * min(len(places), _MAX_NAMED))
        figure = Figure(figsize=size, layout="constrained")
        _draw_map(figure, figure.subplots(), sweep, places, edits)
        return figure
    names = edits if len(places) == 1 and len(edits) > 1 else places
    is_long = len(rows) > _MAX_NAMED
    size = (12.0, 4.0) if is_long else (7.0, 1.2 + 0.28 * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    changes = [row.change if row.change is not None else 0.0 for row in rows]
    colors = [_LESS if change < 0 else _MORE for change in changes]
    if is_long:
        axes.bar(range(len(rows)), changes, color=colors, width=0.9)
        axes.set_ylabel("change of the score")
        axes.set_xlabel(escape_name(places[0]) if names is edits else "")
        ticks = range(0, len(rows), -(-len(rows) // 16))
        axes.set_xticks(ticks, [escape_name(names[tick]) for tick in ticks])
        axes.axhline(0, color="black", linewidth=0.6)
    else:
        axes.barh(range(len(rows)), changes, color=colors, height=0.7)
        axes.set_xlabel("change of the score")
        axes.set_yticks(range(len(rows)), [escape_name(name) for name in names])
        axes.invert_yaxis()
        axes.axvline(0, color="black", linewidth=0.6)
        _mark_missing(axes, rows)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _mark_missing(axes: Axes, rows: tuple[SweepRow, ...]) -> None:
    for place, row in enumerate(rows):
        if row.change is None:
            axes.annotate(" no score", (0, place), va="center", color="gray")


def _draw_map(
    figure: Figure, axes: Axes, sweep: Sweep, places: list[str], edits: list[str]
) -> None:
    changes = {(row.place, row.edit): row.change for row in sweep.rows}
    grid = [[_or_nan(changes[place, edit]) for edit in edits] for place in places]
    largest = max([abs(c) for c in changes.values() if c is not None], default=1.0) or 1.0
    shown = axes.imshow(grid, cmap="RdBu", vmin=-largest, vmax=largest, aspect="auto")
    axes.set_xticks(range(len(edits)), [escape_name(name) for name in edits], rotation=45)
    axes.set_yticks(range(len(places)), [escape_name(name) for name in places])
    for (place, edit), change in changes.items():
        if change is None:  # an empty cell looks like one without a change
            mark = "no score" if len(edits) <= _MAX_WORDS else "x"
            spot = edits.index(edit), places.index(place)
            axes.annotate(mark, spot, ha="center", va="center", color="gray")
    figure.colorbar(shown, ax=axes, label="change of the score")


def _or_nan(change: float | None) -> float:
    return float("nan") if change is None else change


def _names(rows: tuple[SweepRow, ...]) -> list[tuple[str, str]]:
    return [(row.place, row.edit) for row in rows]
