"""A diagram as Graphviz text."""

from __future__ import annotations

import html
from collections.abc import Iterator

from composer.draw.diagram import Box, Diagram, Link
from composer.draw.palette import Colour, colour_of

_INDENT = "    "
_HEAD = (
    'graph [rankdir=TB, fontname="Helvetica", labelloc=t, ranksep=0.4, nodesep=0.3]',
    'node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11]',
    'edge [fontname="Helvetica", fontsize=9, color="#667085", fontcolor="#667085"]',
)


def to_dot(diagram: Diagram) -> str:
    """The diagram in the DOT language, nested graphs as clusters."""
    lines = [f"digraph {_quoted(diagram.title)} {{"]
    lines += [_INDENT + line for line in _HEAD]
    lines.append(f"{_INDENT}label={_quoted(diagram.title)}")
    lines += _group(diagram, "", _INDENT)
    lines += [_INDENT + _link(link) for link in diagram.links]
    return "\n".join([*lines, "}"]) + "\n"


def _group(diagram: Diagram, path: str, indent: str) -> Iterator[str]:
    for box in diagram.boxes.values():
        if box.group == path:
            yield indent + _box(box, colour_of(box, diagram))
    for inner in diagram.inside(path):
        yield f"{indent}subgraph {_quoted(f'cluster_{inner}')} {{"
        name = _quoted(inner.rpartition(".")[2])
        yield f'{indent}{_INDENT}label={name}; style=rounded; color="#98a2b3"; labeljust=l'
        yield from _group(diagram, inner, indent + _INDENT)
        yield f"{indent}}}"


def _box(box: Box, colour: Colour) -> str:
    label = f"<b>{_on_one_line(html.escape(box.title))}</b>"
    if box.type:
        label += f'<br/><font point-size="9">{_on_one_line(html.escape(box.type))}</font>'
    shape = "" if box.kind == "node" else ", shape=oval"
    thick = ", penwidth=2" if box.state == "target" else ""
    return (
        f"{_quoted(box.key)} [label=<{label}>, fillcolor={_quoted(colour.fill)}, "
        f"color={_quoted(colour.line)}, fontcolor={_quoted(colour.text)}{shape}{thick}]"
    )


def _link(link: Link) -> str:
    attributes = []
    if link.port:
        attributes.append(f"label={_quoted(link.port)}")
    if not link.is_used:
        attributes.append('color="#d5dae2", fontcolor="#d5dae2"')
    tail = f" [{', '.join(attributes)}]" if attributes else ""
    return f"{_quoted(link.tail)} -> {_quoted(link.head)}{tail}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_on_one_line(escaped)}"'


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
