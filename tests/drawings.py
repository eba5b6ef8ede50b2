"""Reads drawings back: which boxes and wires each form of a diagram shows."""

import re
from collections import Counter
from typing import NamedTuple
from xml.etree import ElementTree

from composer.draw import to_dot, to_mermaid, to_svg

SVG = "{http://www.w3.org/2000/svg}"
OUTPUT = ", output of the graph"


class Shown(NamedTuple):
    """What a drawing shows: boxes by key and wires as (tail, head), each with its number."""

    boxes: Counter
    wires: Counter


def read_mermaid(diagram):
    """What the flowchart shows; its boxes are numbered in the order of the diagram."""
    text, keys = to_mermaid(diagram), list(diagram.boxes)
    boxes = re.findall(r'^ *n(\d+)[\[(]+"<b>', text, re.MULTILINE)
    wires = re.findall(r"^ *n(\d+) -->(?:\|.*\|)? n(\d+)$", text, re.MULTILINE)
    return Shown(
        Counter(keys[int(number)] for number in boxes),
        Counter((keys[int(tail)], keys[int(head)]) for tail, head in wires),
    )


def read_dot(diagram):
    """What the Graphviz document shows."""
    text = to_dot(diagram)
    boxes = re.findall(r'^ *"([^"]+)" \[label=<', text, re.MULTILINE)
    wires = re.findall(r'^ *"([^"]+)" -> "([^"]+)"', text, re.MULTILINE)
    return Shown(Counter(boxes), Counter(wires))


def read_svg(diagram):
    """What the hints of the SVG say; pieces of one wire count once."""
    root = ElementTree.fromstring(to_svg(diagram))
    hints = [
        title.text
        for child in root.iter()
        if child is not root
        for title in child.findall(f"{SVG}title")
    ]
    wires = {hint for hint in hints if " → " in hint}
    boxes = [hint for hint in hints if " → " not in hint]
    ends = {
        (tail, head)
        for hint in wires
        for tail, _, heads in [hint.partition(" → ")]
        for head in heads.split(", ")
    }
    return Shown(Counter(map(_key, boxes)), Counter(ends))


def _key(hint):
    """The key of a box: hints begin with it, or with the name of an output."""
    return f"output {hint.removesuffix(OUTPUT)}" if hint.endswith(OUTPUT) else hint.split(", ")[0]


def check_drawings(diagram):
    """Asserts that every form shows each box once and each wire of the diagram."""
    boxes = Counter(list(diagram.boxes))
    wires = Counter((link.tail, link.head) for link in diagram.links)
    assert read_mermaid(diagram) == (boxes, wires)
    assert read_dot(diagram) == (boxes, wires)
    ends = {
        (f"{link.tail}.{link.port}".rstrip("."), f"{link.head}.{link.into}".rstrip("."))
        for link in diagram.links
    }
    assert read_svg(diagram) == (boxes, Counter(ends))
