"""A plot of a benchmark, drawn with matplotlib: time and error of each way."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from composer.benchmarking.benchmark import Benchmark, WayMeasures
from composer.escapes import escape_name
from composer.figures import save_figure
from composer.graph import format_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _GREY = "#2f6690", "#8d99ae"


def plot_benchmark(path: str | os.PathLike[str], found: Benchmark) -> None:
    """Draws the fastest rounds as bars with the medians, and the errors where there are some.

    Args:
        path: the file, `.png`, `.svg` or `.pdf`.
        found: the benchmark.

    Raises:
        InputError: the file has another ending.
        OSError: it cannot be written.
    """
    save_figure(path, partial(_draw, found))


def _draw(found: Benchmark) -> Figure:
    from matplotlib.figure import Figure

    ways = [each for each in found.ways if each.seconds]
    errors = [_find_error(each) for each in ways]
    num_panels = 2 if any(errors) else 1
    figure = Figure(figsize=(4.8 * num_panels + 2, 1.4 + 0.5 * len(ways)), layout="constrained")
    panels = figure.subplots(1, num_panels, squeeze=False, sharey=True)[0]
    _draw_times(panels[0], ways)
    if num_panels == 2:
        _draw_errors(panels[1], errors)
    title = f"{escape_name(found.model)}: {escape_name(str(found.processor))}"
    figure.suptitle(f"{title}, {found.num_threads} thread(s)", fontsize=10)
    return figure


def _draw_times(axes: Axes, ways: list[WayMeasures]) -> None:
    places = range(len(ways))
    axes.barh(places, [each.best for each in ways], color=_BLUE, height=0.6)
    axes.plot([each.median for each in ways], places, "|", color=_GREY, markersize=14)
    axes.set_yticks(list(places), [escape_name(each.way.name) for each in ways])
    axes.invert_yaxis()
    for place, each in enumerate(ways):
        axes.annotate(f" {format_seconds(each.best)}", (each.median, place), va="center")
    axes.margins(x=0.25)
    axes.set_xlim(left=0)
    axes.set_xlabel("seconds: fastest round, and median")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_errors(axes: Axes, errors: list[float | None]) -> None:
    known = [(place, error) for place, error in enumerate(errors) if error]
    axes.plot([error for _, error in known], [place for place, _ in known], "o", color=_BLUE)
    axes.set_xscale("log")
    axes.set_xlabel("largest error, relative to the maximum")
    axes.spines[["top", "right"]].set_visible(False)


def _find_error(measures: WayMeasures) -> float | None:
    known = [each.relative for each in measures.differences if each.relative is not None]
    return max(known, default=None)
