"""A plot of a tuning, drawn with matplotlib: the metric over the values of the addresses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from composer.figures import save_figure
from composer.tuning.grid import find_neighbours
from composer.tuning.table import format_value, shorten_addresses
from composer.tuning.tuning import Tuning

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _RED, _GREY = "#2f6690", "#c8553d", "#8d99ae"
_SHADES = (_BLUE, "#e09f3e", "#588157", "#9e2a2b", "#6d597a", "#3a7ca5", "#bc6c25", "#606c38")
_MAX_LINES = len(_SHADES)
_MAX_PANELS = 6


def plot_tuning(path: str | os.PathLike[str], tuning: Tuning) -> None:
    """Draws the metric over the values of each address.

    With one address or two it is one line, or one for each value of the second; with more there is
    a panel for each address with all settings, and a line through the best for each value.

    Args:
        path: the file, `.png`, `.svg` or `.pdf`.
        tuning: the tuning.

    Raises:
        InputError: the file has another ending.
        OSError: it cannot be written.
    """
    save_figure(path, partial(_draw, tuning), follow_links=False)


def _draw(tuning: Tuning) -> Figure:
    from matplotlib.figure import Figure

    addresses = _find_panels(tuning)
    figure = Figure(figsize=(5.6 * len(addresses), 4.2), layout="constrained")
    panels = figure.subplots(1, len(addresses), squeeze=False, sharey=True)[0]
    for axes, address in zip(panels, addresses, strict=True):
        _Panel(tuning, address, axes).draw(is_alone=len(addresses) == 1)
    panels[0].set_ylabel(tuning.metric.replace("/", " "))
    return figure


def _find_panels(tuning: Tuning) -> list[str]:
    """The addresses that have a panel: those with several values."""
    grid = [setting.values for setting in tuning.settings]
    several = [name for name in tuning.addresses if max(map(len, find_neighbours(grid, name))) > 1]
    chosen = several or list(tuning.addresses[:1])
    if len(chosen) == 2:
        counts = [len({repr(values[name]) for values in grid}) for name in chosen]
        if min(counts) <= _MAX_LINES:
            return [chosen[counts.index(max(counts))]]
    return chosen[:_MAX_PANELS]


class _Panel:
    """The metric over the values of one address.

    Args:
        tuning: the tuning.
        address: the address.
        axes: where it is drawn.
    """

    def __init__(self, tuning: Tuning, address: str, axes: Axes) -> None:
        self.tuning, self.address, self.axes = tuning, address, axes
        names = dict(zip(tuning.addresses, shorten_addresses(tuning.addresses), strict=True))
        self._names = names
        values = {repr(one.values[address]): one.values[address] for one in tuning.settings}
        self._is_number = all(type(value) in (int, float) for value in values.values())
        self._ticks = list(values)
        self._labels = [format_value(value) for value in values.values()]

    def draw(self, *, is_alone: bool) -> None:
        """Draws lines, the best setting and the labels."""
        groups = find_neighbours([one.values for one in self.tuning.settings], self.address)
        if is_alone and len(groups) <= _MAX_LINES:
            for group, shade in zip(groups, _SHADES, strict=False):
                self._draw_line(group, shade, self._name_group(group))
            if len(groups) > 1:
                self.axes.legend(frameon=False)
        else:
            everything = range(len(self.tuning.settings))
            self._draw_dots(everything)
            self._draw_line(self._find_best_of_each(), _BLUE, "best for each value")
            self.axes.legend(frameon=False)
        if self.tuning.best is not None:
            x, y = self._points([self.tuning.best])
            self.axes.plot(x, y, "o", color=_RED, markersize=11, fillstyle="none", zorder=3)
        self.axes.set_xlabel(self._names[self.address])
        if not self._is_number:
            self.axes.set_xticks(range(len(self._labels)), self._labels)
        self.axes.spines[["top", "right"]].set_visible(False)
        self.axes.grid(axis="y", color=_GREY, alpha=0.3)

    def _draw_line(self, places: Sequence[int], shade: str, label: str) -> None:
        x, y = self._points(places)
        form = "o-" if self._is_number else "o"
        self.axes.plot(x, y, form, color=shade, label=label, markersize=4, linewidth=1.5)

    def _draw_dots(self, places: Sequence[int]) -> None:
        x, y = self._points(places)
        self.axes.plot(x, y, ".", color=_GREY, alpha=0.6, label="a setting")

    def _points(self, places: Sequence[int]) -> tuple[list[float], list[float]]:
        points = []
        for place in places:
            setting = self.tuning.settings[place]
            value: Any = setting.values[self.address]
            x = float(value) if self._is_number else self._ticks.index(repr(value))
            points.append((x, self.tuning.value(setting)))
        points.sort()
        return [x for x, _ in points], [y for _, y in points]

    def _find_best_of_each(self) -> list[int]:
        """Places of the best setting for each value."""
        best: dict[str, int] = {}
        for place, setting in enumerate(self.tuning.settings):
            key, value = repr(setting.values[self.address]), self.tuning.value(setting)
            if value == value and (
                key not in best or value > self.tuning.value(self.tuning.settings[best[key]])
            ):
                best[key] = place
        return list(best.values())

    def _name_group(self, group: Sequence[int]) -> str:
        """The name of a line: the values of the other addresses."""
        values = self.tuning.settings[group[0]].values
        return ", ".join(
            f"{self._names[name]} {format_value(value)}"
            for name, value in values.items()
            if name != self.address
        )
