"""Lays a diagram out from top to bottom: nested graphs first, then the graph around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from composer.draw.attachment import Attachments
from composer.draw.diagram import Diagram
from composer.draw.frames import Frame, Gate, split_frames
from composer.draw.geometry import Curve, Label, Layout, Rect
from composer.draw.layering import Bend, Cell, Segment, make_layers
from composer.draw.ordering import order_rows
from composer.draw.placement import place_cells
from composer.draw.text_size import text_width

TITLE_SIZE, TYPE_SIZE = 13.0, 11.0
HEADER = 26.0  # room for the name of a nested graph
_BOX_HEIGHT, _FLAT_HEIGHT = 42.0, 30.0
_PADDING, _BOX_MARGIN = 16.0, 14.0
_SPACING, _WIRE_SPACING = 20.0, 16.0
_ATTACHING_ROUNDS = 2
_GAP, _LARGEST_GAP, _LABEL_ROOM = 28.0, 52.0, 15.0


def lay_out(diagram: Diagram) -> Layout:
    """Computes the geometry of a diagram.

    Twice: the sides from which wires enter a nested graph follow from the layout around it.
    """
    frames = split_frames(diagram)
    inside_out = sorted(frames, key=lambda path: -len(path.split(".")) if path else 0)
    desired: dict[str, dict[Cell, float]] = {path: {} for path in frames}
    for _ in range(2):
        layouts: dict[str, FrameLayout] = {}
        for path in inside_out:
            layouts[path] = FrameLayout(diagram, frames[path], layouts, desired[path])
        for layout in layouts.values():
            layout.pass_positions_on(desired)
    return layouts[""].layout


class Level(NamedTuple):
    """The heights of one layer.

    Args:
        top: where its cells begin.
        bottom: where the largest of them end.
        floor: down to where wires lead straight down, past names of ports and of the frame.
    """

    top: float
    bottom: float
    floor: float


class FrameLayout:
    """The layout of one frame.

    Args:
        diagram: the diagram.
        frame: the frame.
        inner: the layouts of the nested graphs in it, by path.
        desired: where wires come from and go to outside, by gate.

    Attributes:
        layout: the geometry.
        gate_x: where wires cross its border, by gate.
    """

    def __init__(
        self,
        diagram: Diagram,
        frame: Frame,
        inner: Mapping[str, FrameLayout],
        desired: Mapping[Cell, float],
    ) -> None:
        self.diagram, self.frame, self.inner = diagram, frame, inner
        layered = make_layers(frame)
        self.rows, self.segments = order_rows(layered, desired), layered.segments
        self.attachments = Attachments(self.segments, inner)
        self.by_upper_cell = self.attachments.by_upper_cell
        self.widths = {cell: self._width(cell) for row in self.rows for cell in row}
        self.x = self._place()
        for _ in range(_ATTACHING_ROUNDS):
            self.attachments.spread(self.x, self.widths)
            self.x = self._place()
        self.attachments.spread(self.x, self.widths)
        self.layout = Layout()
        self._widen()
        self._fill(self._levels())
        self.gate_x = {cell: x for cell, x in self.x.items() if isinstance(cell, Gate)}

    def pass_positions_on(self, desired: Mapping[str, dict[Cell, float]]) -> None:
        """Sets the desired positions of the gates of nested graphs: where their wires lead."""
        for segment in self.segments:
            upper, lower, ends = segment.upper, segment.lower, self.attachments.of(segment)
            if isinstance(lower, str) and lower in self.inner:
                desired[lower][Gate(segment.port, "entry")] = self.x[upper] + ends.upper
            if isinstance(upper, str) and upper in self.inner:
                desired[upper][Gate(segment.port, "exit")] = self.x[lower] + ends.lower

    def _place(self) -> dict[Cell, float]:
        return place_cells(
            self.rows, self.segments, self.widths.__getitem__, self.attachments.of, _spacing
        )

    def _width(self, cell: Cell) -> float:
        if not isinstance(cell, str):
            return 0.0
        if cell in self.inner:
            return self.inner[cell].layout.width
        box = self.diagram.boxes[cell]
        text = max(text_width(box.title, TITLE_SIZE), text_width(box.type, TYPE_SIZE))
        return max(text + 2 * _BOX_MARGIN, self.attachments.width_below(cell))

    def _height(self, cell: Cell) -> float:
        if not isinstance(cell, str):
            return 0.0
        if cell in self.inner:
            return self.inner[cell].layout.height
        box = self.diagram.boxes[cell]
        return _BOX_HEIGHT if box.kind == "node" or box.type else _FLAT_HEIGHT

    def _widen(self) -> None:
        """Makes room at the sides, so that the name of a nested graph stands beside its wires."""
        right = max((self.x[cell] + self.widths[cell] / 2 for cell in self.x), default=0.0)
        if not self.frame.path:
            self.layout.width = right
            return
        name_end = text_width(self.frame.path.rpartition(".")[2], TITLE_SIZE) + _PADDING + 8
        crossing = [self.x[gate] + _PADDING for gate in self.frame.gates("entry")]
        shift = _PADDING + max([name_end - x for x in crossing if x < name_end], default=0.0)
        self.x = {cell: x + shift for cell, x in self.x.items()}
        self.layout.width = max(right + 2 * shift, name_end + _PADDING)

    def _levels(self) -> list[Level]:
        """Gives the layers their heights, and the layout its own."""
        nested = bool(self.frame.path)
        y = HEADER if nested and not self.frame.gates("entry") else 0.0
        levels: list[Level] = []
        for row in self.rows:
            if levels:
                y += self._gap(self.rows[len(levels) - 1])
            bottom = y + max(map(self._height, row), default=0.0)
            levels.append(Level(y, bottom, bottom + self._straight_room(row)))
            y = levels[-1].floor
        self.layout.height = y + (_PADDING if nested and not self.frame.gates("exit") else 0.0)
        return levels

    def _straight_room(self, row: list[Cell]) -> float:
        """Room below a layer for what is written there."""
        if any(isinstance(cell, Gate) and cell.side == "entry" for cell in row):
            return HEADER - 8
        named = (s.port.name and s.port.box == s.upper for s in self._leaving(row))
        return _LABEL_ROOM if any(named) else 0.0

    def _gap(self, row: list[Cell]) -> float:
        """Room for the wires below a layer: more where they lead far to the side."""
        aside = [abs(self.x[s.upper] - self.x[s.lower]) for s in self._leaving(row)]
        return min(_LARGEST_GAP, _GAP + max(aside, default=0.0) / 14)

    def _leaving(self, row: list[Cell]) -> list[Segment]:
        return [segment for cell in row for segment in self.by_upper_cell.get(cell, ())]

    def _fill(self, levels: list[Level]) -> None:
        for row, level in zip(self.rows, levels, strict=True):
            for cell in row:
                if isinstance(cell, str):
                    self._put(cell, (level.top + level.bottom) / 2)
        at = {cell: index for index, row in enumerate(self.rows) for cell in row}
        for segment in self.segments:
            index = at[segment.upper]
            self.layout.curves.append(self._curve(segment, levels[index], levels[index + 1]))
        self.layout.labels += self._labels()

    def _put(self, item: str, middle: float) -> None:
        width, height = self.widths[item], self._height(item)
        rect = Rect(self.x[item] - width / 2, middle - height / 2, width, height)
        if item in self.inner:
            self.layout.groups[item] = rect
            self.layout.add(self.inner[item].layout, rect.x, rect.y)
        else:
            self.layout.boxes[item] = rect

    def _curve(self, segment: Segment, above: Level, below: Level) -> Curve:
        upper, lower = self._rect(segment.upper), self._rect(segment.lower)
        ends = self.attachments.of(segment)
        end = below.bottom if isinstance(segment.lower, Bend) else below.top
        return Curve(
            x=self.x[segment.upper] + ends.upper,
            ys=(
                upper.y + upper.height if upper else above.bottom,
                above.floor,
                below.top,
                lower.y if lower else end,
            ),
            end_x=self.x[segment.lower] + ends.lower,
            has_arrow=segment.lower in self.layout.boxes,
            is_used=segment.is_used,
            hint=_hint(segment),
        )

    def _rect(self, cell: Cell) -> Rect | None:
        if not isinstance(cell, str):
            return None
        return self.layout.boxes.get(cell) or self.layout.groups.get(cell)

    def _labels(self) -> Iterator[Label]:
        """The names of ports, below the boxes."""
        used_ports = {segment.port for segment in self.segments if segment.is_used}
        for (cell, port), offset in self.attachments.below.items():
            rect = self._rect(cell)
            if port.name and rect is not None:
                used = port in used_ports
                yield Label(self.x[cell] + offset, rect.y + rect.height, port.name, used)


def _spacing(left: Cell, right: Cell) -> float:
    """Room between neighbours: wires may be closer to each other than boxes."""
    return _SPACING if isinstance(left, str) or isinstance(right, str) else _WIRE_SPACING


def _hint(segment: Segment) -> str:
    """The ends of a wire, shown on hover: `a.boxes → b.boxes, c.proposals`."""
    links = {link for strand in segment.strands for link in strand.links}
    heads = sorted(f"{link.head}.{link.into}" if link.into else link.head for link in links)
    return f"{segment.port.box}.{segment.port.name}".rstrip(".") + f" → {', '.join(heads)}"
