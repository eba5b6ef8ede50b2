"""A diagram as Mermaid text, which many Markdown viewers draw."""

from __future__ import annotations

import re
from collections.abc import Iterator

from composer.draw.diagram import Box, Diagram, Link
from composer.draw.palette import Colour, colour_of

_SHAPES = {"node": ("[", "]"), "input": ("([", "])"), "output": ("([", "])")}
_INDENT = "    "


def to_mermaid(diagram: Diagram) -> str:
    """The diagram as a Mermaid flowchart, from top to bottom."""
    names = {key: f"n{index}" for index, key in enumerate(diagram.boxes)}
    lines = ["---", f"title: {_quoted(diagram.title)}", "---", "flowchart TB"]
    lines += _group(diagram, "", names, _INDENT)
    lines += [_INDENT + _link(link, names) for link in diagram.links]
    lines += [_INDENT + line for line in _classes(diagram, names)]
    unused = [str(index) for index, link in enumerate(diagram.links) if not link.is_used]
    if unused:
        lines.append(f"{_INDENT}linkStyle {','.join(unused)} stroke:#d0d5dd,color:#98a2b3")
    return "\n".join(lines) + "\n"


def _group(diagram: Diagram, path: str, names: dict[str, str], indent: str) -> Iterator[str]:
    """The boxes of a nested graph, and those nested in it."""
    for box in diagram.boxes.values():
        if box.group == path:
            yield indent + _box(box, names)
    for inner in diagram.inside(path):
        number = diagram.groups.index(inner)
        yield f"{indent}subgraph g{number} [{_quoted(inner.rpartition('.')[2])}]"
        yield from _group(diagram, inner, names, indent + _INDENT)
        yield f"{indent}end"


def _box(box: Box, names: dict[str, str]) -> str:
    left, right = _SHAPES[box.kind]
    text = f"<b>{_escaped(box.title)}</b>"
    if box.type:
        text += f"<br/>{_escaped(box.type)}"
    return f'{names[box.key]}{left}"{text}"{right}'


def _link(link: Link, names: dict[str, str]) -> str:
    label = f'|"{_escaped(link.port)}"|' if link.port else ""
    return f"{names[link.tail]} -->{label} {names[link.head]}"


def _classes(diagram: Diagram, names: dict[str, str]) -> Iterator[str]:
    """One class a colour, and the boxes that have it."""
    members: dict[Colour, list[str]] = {}
    for key, box in diagram.boxes.items():
        members.setdefault(colour_of(box, diagram), []).append(names[key])
    for number, (colour, keys) in enumerate(members.items()):
        style = f"fill:{colour.fill},stroke:{colour.line},color:{colour.text}"
        yield f"classDef c{number} {style}"
        yield f"class {','.join(keys)} c{number}"


def _escaped(text: str) -> str:
    """Text that Mermaid takes as text: its markup characters as entities."""
    return re.sub(r"[^\w .,:=/()+-]", lambda match: f"#{ord(match.group())};", text)


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'
