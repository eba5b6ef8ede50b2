"""Where on the borders of boxes and nested graphs wires begin and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from composer.draw.bundles import Attachment
from composer.draw.frames import Gate, Port
from composer.draw.layering import Cell, Segment, by_upper_cell
from composer.draw.text_size import text_width

if TYPE_CHECKING:
    from composer.draw.layout import FrameLayout

_ROOM, _CORNER = 18.0, 12.0  # between the ends of wires at one box, and beside the outermost
_LABEL_MARGIN = 14.0
PORT_SIZE = 10.0  # of the names of ports


class Attachments:
    """The ends of a frame's segments, as distances from the centres of their cells.

    At a nested graph they are where its gates are. At a box they are first in the middle, and
    spread side by side once it is known where the other ends are.

    Args:
        segments: the segments of the frame.
        inner: the layouts of the nested graphs in it.

    Attributes:
        by_upper_cell: the segments that leave each cell.
    """

    def __init__(self, segments: Sequence[Segment], inner: Mapping[str, FrameLayout]) -> None:
        self.segments, self.inner = segments, inner
        self.by_upper_cell = by_upper_cell(segments)
        self.below: dict[tuple[Cell, Port], float] = {}
        self.above: dict[tuple[Cell, Port], float] = {}

    def of(self, segment: Segment) -> Attachment:
        """The ends of a segment."""
        return Attachment(
            self._end(segment.upper, segment.port, self.below, "exit"),
            self._end(segment.lower, segment.port, self.above, "entry"),
        )

    def width_below(self, cell: Cell) -> float:
        """The width that a box needs for the wires below it and the names of their ports."""
        ports = dict.fromkeys(segment.port for segment in self.by_upper_cell.get(cell, ()))
        return sum(map(_label_width, ports)) if len(ports) > 1 else 0.0

    def ports_below(self) -> dict[tuple[Cell, Port], float]:
        """The places at the bottom of boxes where wires begin."""
        return self.below

    def spread(self, x: Mapping[Cell, float], widths: Mapping[Cell, float]) -> None:
        """Puts the ends at each box side by side, in the order of the other ends."""
        lower_ends: dict[Cell, dict[Port, list[float]]] = {}
        upper_ends: dict[Cell, dict[Port, list[float]]] = {}
        for segment in self.segments:
            ends = self.of(segment)
            lower_x, upper_x = x[segment.lower] + ends.lower, x[segment.upper] + ends.upper
            lower_ends.setdefault(segment.upper, {}).setdefault(segment.port, []).append(lower_x)
            upper_ends.setdefault(segment.lower, {}).setdefault(segment.port, []).append(upper_x)
        for cell, ports in lower_ends.items():
            self._spread_below(cell, _sorted_by_mean(ports))
        for cell, ports in upper_ends.items():
            self._spread_above(cell, ports, x[cell], widths[cell])

    def _spread_below(self, cell: Cell, ports: list[Port]) -> None:
        """Puts each wire to the left of its name."""
        if not self._is_box(cell):
            return
        x = -sum(map(_label_width, ports)) / 2
        for port in ports:
            self.below[cell, port] = x + _LABEL_MARGIN / 2 if len(ports) > 1 else 0.0
            x += _label_width(port)

    def _spread_above(
        self, cell: Cell, ends: Mapping[Port, list[float]], centre: float, width: float
    ) -> None:
        """Lets wires come from straight above, as far as they keep apart and meet the box."""
        if not self._is_box(cell):
            return
        ports = _sorted_by_mean(ends)
        reach = width / 2 - _CORNER
        room = min(_ROOM, 2 * reach / max(1, len(ports) - 1))
        steps = [(index - (len(ports) - 1) / 2) * room for index in range(len(ports))]
        limit = reach - (len(ports) - 1) / 2 * room if len(ports) > 1 else 0.0
        means = [sum(ends[port]) / len(ends[port]) for port in ports]
        desired = [mean - centre - step for mean, step in zip(means, steps, strict=True)]
        for port, place, step in zip(ports, fit_ascending(desired), steps, strict=True):
            self.above[cell, port] = min(max(place, -limit), limit) + step

    def _is_box(self, cell: Cell) -> bool:
        return isinstance(cell, str) and cell not in self.inner

    def _end(
        self, cell: Cell, port: Port, found: Mapping[tuple[Cell, Port], float], side: str
    ) -> float:
        if isinstance(cell, str) and cell in self.inner:
            nested = self.inner[cell]
            gate = Gate(port, "exit" if side == "exit" else "entry")
            return nested.gate_x[gate] - nested.layout.width / 2
        return found.get((cell, port), 0.0)


def _sorted_by_mean(ends: Mapping[Port, list[float]]) -> list[Port]:
    return sorted(ends, key=lambda port: sum(ends[port]) / len(ends[port]))


def fit_ascending(desired: Sequence[float]) -> list[float]:
    """The ascending numbers that are closest to the desired ones, in squares.

    Neighbours that are in the wrong order share their mean (pool adjacent violators).
    """
    blocks: list[tuple[float, int]] = []  # the mean of some neighbours, and how many they are
    for position in desired:
        mean, count = position, 1
        while blocks and blocks[-1][0] > mean:
            other, others = blocks.pop()
            mean = (mean * count + other * others) / (count + others)
            count += others
        blocks.append((mean, count))
    return [mean for mean, count in blocks for _ in range(count)]


def _label_width(port: Port) -> float:
    return text_width(port.name, PORT_SIZE) + _LABEL_MARGIN
