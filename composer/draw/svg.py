"""A diagram as self-contained SVG: no script, no font, no image."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from composer.draw.attachment import PORT_SIZE
from composer.draw.diagram import Box, Diagram
from composer.draw.geometry import Curve, Label, Layout, Rect
from composer.draw.layout import HEADER, TITLE_SIZE, TYPE_SIZE, lay_out
from composer.draw.palette import (
    STATE_COLOURS,
    STATE_WORDS,
    Colour,
    colour_of,
    colours_by_plugin,
)
from composer.draw.text_size import shorten, text_width

_MARGIN = 28.0
_HEADING = 52.0
_LEGEND_ROW = 26.0
_SWATCH = 12.0
_USED, _IDLE = "#667085", "#d5dae2"
_PARTIAL = "#2f6fe4"
_FONT = "ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"


def to_svg(diagram: Diagram) -> str:
    """Writes the diagram as SVG."""
    return "\n".join(_Picture(diagram).lines()) + "\n"


class _Picture:
    def __init__(self, diagram: Diagram) -> None:
        self.diagram = diagram
        self.layout: Layout = lay_out(diagram)
        self.legend = list(_legend_entries(diagram))
        legend_width = sum(_entry_width(text) for _, text in self.legend)
        heading = text_width(diagram.title, 18)
        self.inner_width = max(self.layout.width, heading, min(legend_width, 560.0), 320.0)
        self.rows = list(_wrapped(self.legend, self.inner_width))
        self.width = self.inner_width + 2 * _MARGIN
        self.body_y = _MARGIN + _HEADING
        self.legend_y = self.body_y + self.layout.height + 24
        self.height = self.legend_y + len(self.rows) * _LEGEND_ROW + _MARGIN - 8

    def lines(self) -> Iterator[str]:
        width, height = _number(self.width), _number(self.height)
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="{_FONT}" role="img">'
        )
        yield f"<title>{escape(self.diagram.title)}</title>"
        if self.diagram.caption:
            yield f"<desc>{escape(self.diagram.caption)}</desc>"
        used = _PARTIAL if self.diagram.is_partial else _USED
        yield "<defs>" + _arrow("used", used) + _arrow("idle", _IDLE) + "</defs>"
        yield f'<rect width="{width}" height="{height}" rx="14" fill="#ffffff"/>'
        yield from self.heading()
        x = _MARGIN + (self.inner_width - self.layout.width) / 2
        yield f'<g transform="translate({_number(x)} {_number(self.body_y)})">'
        yield from self.body(used)
        yield "</g>"
        yield from self.legend_lines()
        yield "</svg>"

    def heading(self) -> Iterator[str]:
        yield _text(_MARGIN, _MARGIN + 14, self.diagram.title, 18, "#101828", weight=650)
        caption = shorten(" ".join(self.diagram.caption.split()), 12, self.inner_width)
        if caption:
            yield _text(_MARGIN, _MARGIN + 33, caption, 12, "#667085")

    def body(self, used: str) -> Iterator[str]:
        for path in self.diagram.groups:
            if path in self.layout.groups:
                yield from _group(path, self.layout.groups[path])
        for curve in sorted(self.layout.curves, key=lambda curve: curve.is_used):
            yield _curve(curve, used if curve.is_used else _IDLE)
        for key, rect in self.layout.boxes.items():
            box = self.diagram.boxes[key]
            yield from _box(box, rect, colour_of(box, self.diagram))
        for label in self.layout.labels:
            yield _label(label)

    def legend_lines(self) -> Iterator[str]:
        for number, row in enumerate(self.rows):
            x, y = _MARGIN, self.legend_y + number * _LEGEND_ROW
            for colour, text in row:
                yield (
                    f'<rect x="{_number(x)}" y="{_number(y)}" width="{_SWATCH:g}" '
                    f'height="{_SWATCH:g}" rx="3" fill="{colour.fill}" stroke="{colour.line}"/>'
                )
                yield _text(x + _SWATCH + 6, y + 10, text, 11, "#475467")
                x += _entry_width(text)


def _legend_entries(diagram: Diagram) -> Iterator[tuple[Colour, str]]:
    if diagram.is_partial:
        states = {box.state for box in diagram.boxes.values()}
        for state, colour in STATE_COLOURS.items():
            if state in states:
                yield colour, STATE_WORDS[state]
    else:
        for plugin, colour in colours_by_plugin(diagram).items():
            yield colour, plugin


def _entry_width(text: str) -> float:
    return _SWATCH + 6 + text_width(text, 11) + 18


def _wrapped(entries: list[tuple[Colour, str]], width: float) -> Iterator[list[tuple[Colour, str]]]:
    row: list[tuple[Colour, str]] = []
    used = 0.0
    for entry in entries:
        if row and used + _entry_width(entry[1]) > width:
            yield row
            row, used = [], 0.0
        row.append(entry)
        used += _entry_width(entry[1])
    if row:
        yield row


def _group(path: str, rect: Rect) -> Iterator[str]:
    shade = "#f8f9fb" if path.count(".") % 2 == 0 else "#f1f3f7"
    yield (f'<rect {_place(rect)} rx="12" fill="{shade}" stroke="#d5dae2" stroke-width="1"/>')
    name = path.rpartition(".")[2]
    yield _text(rect.x + 14, rect.y + HEADER - 8, name, 12, "#667085", weight=600)


def _box(box: Box, rect: Rect, colour: Colour) -> Iterator[str]:
    radius = 8.0 if box.kind == "node" else rect.height / 2
    dashes = ' stroke-dasharray="4 3"' if box.state in ("idle", "fed") else ""
    yield f'<g class="{box.kind} {box.state}"><title>{escape(_hint(box))}</title>'
    yield (
        f'<rect {_place(rect)} rx="{_number(radius)}" fill="{colour.fill}" '
        f'stroke="{colour.line}" stroke-width="{1.6 if box.state == "target" else 1.2}"{dashes}/>'
    )
    middle = rect.y + rect.height / 2
    yield _text(
        rect.centre,
        middle + (-2 if box.type else 4.5),
        box.title,
        TITLE_SIZE,
        colour.text,
        weight=600,
        anchor="middle",
    )
    if box.type:
        yield _text(
            rect.centre,
            middle + 13,
            box.type,
            TYPE_SIZE,
            colour.text,
            anchor="middle",
            opacity=0.75,
        )
    yield "</g>"


def _hint(box: Box) -> str:
    words = {"node": "", "input": "input of the graph", "output": "output of the graph"}
    name = box.key if box.kind == "node" else box.title
    parts = [name, words[box.kind], box.type, box.plugin, STATE_WORDS.get(box.state, "")]
    return ", ".join(part for part in parts if part)


def _curve(curve: Curve, colour: str) -> str:
    start, bend, unbend, end = curve.ys
    x, end_x = _number(curve.x), _number(curve.end_x)
    stop = end - 7 if curve.has_arrow else end
    middle = _number((bend + unbend) / 2)
    unbend = min(unbend, stop)
    way = (
        f"M{x} {_number(start)}V{_number(bend)}"
        f"C{x} {middle} {end_x} {middle} {end_x} {_number(unbend)}V{_number(stop)}"
    )
    arrow = f' marker-end="url(#{"used" if curve.is_used else "idle"})"' if curve.has_arrow else ""
    return (
        f'<path d="{way}" fill="none" stroke="{colour}" stroke-width="1.4"{arrow}>'
        f"<title>{escape(curve.hint)}</title></path>"
    )


def _label(label: Label) -> str:
    colour = "#667085" if label.is_used else "#b4bcc9"
    return _text(label.x + 4, label.y + 12, label.text, PORT_SIZE, colour)


def _arrow(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="7" '
        f'markerHeight="7" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path d="M0 0.5L8 4L0 7.5z" fill="{colour}"/></marker>'
    )


def _text(
    x: float,
    y: float,
    text: str,
    size: float,
    colour: str,
    *,
    weight: int = 400,
    anchor: str = "start",
    opacity: float = 1,
) -> str:
    extra = f' font-weight="{weight}"' if weight != 400 else ""
    extra += f" text-anchor={quoteattr(anchor)}" if anchor != "start" else ""
    extra += f' opacity="{opacity}"' if opacity != 1 else ""
    return (
        f'<text x="{_number(x)}" y="{_number(y)}" font-size="{size:g}" fill="{colour}"{extra}>'
        f"{escape(text)}</text>"
    )


def _place(rect: Rect) -> str:
    return (
        f'x="{_number(rect.x)}" y="{_number(rect.y)}" '
        f'width="{_number(rect.width)}" height="{_number(rect.height)}"'
    )


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
