"""Where everything in a drawing is, in pixels; y grows downwards."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Rect:
    """A rectangle by its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> float:
        """Its middle from left to right."""
        return self.x + self.width / 2

    def moved(self, x: float, y: float) -> Rect:
        """The rectangle elsewhere."""
        return replace(self, x=self.x + x, y=self.y + y)


@dataclass(frozen=True)
class Curve:
    """A piece of a wire: down, over to the side in an S, and down again.

    Args:
        x: where it starts.
        ys: heights of its start, of the S's start and end, and of its end.
        end_x: where it ends.
        has_arrow: whether it ends at what takes the value.
        is_used: whether a value passes.
        hint: its ends, shown on hover.
    """

    x: float
    ys: tuple[float, float, float, float]
    end_x: float
    has_arrow: bool
    is_used: bool
    hint: str

    def moved(self, x: float, y: float) -> Curve:
        """The curve elsewhere."""
        start, bend, unbend, end = (value + y for value in self.ys)
        return replace(self, x=self.x + x, end_x=self.end_x + x, ys=(start, bend, unbend, end))


@dataclass(frozen=True)
class Label:
    """The name of a port beside the place where its wires begin."""

    x: float
    y: float
    text: str
    is_used: bool

    def moved(self, x: float, y: float) -> Label:
        """The label elsewhere."""
        return replace(self, x=self.x + x, y=self.y + y)


@dataclass
class Layout:
    """A drawing's geometry.

    Args:
        width: its width.
        height: its height.
        boxes: where each box is, by key.
        groups: where each nested graph is, by path.
        curves: the pieces of the wires.
        labels: the names of ports.
    """

    width: float = 0
    height: float = 0
    boxes: dict[str, Rect] = field(default_factory=dict)
    groups: dict[str, Rect] = field(default_factory=dict)
    curves: list[Curve] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)

    def add(self, inner: Layout, x: float, y: float) -> None:
        """Puts another layout into this one."""
        self.boxes.update({key: rect.moved(x, y) for key, rect in inner.boxes.items()})
        self.groups.update({path: rect.moved(x, y) for path, rect in inner.groups.items()})
        self.curves += [curve.moved(x, y) for curve in inner.curves]
        self.labels += [label.moved(x, y) for label in inner.labels]
