"""Takes a diagram apart into frames: the graph itself and each nested graph, one by one.

A wire that crosses the border of a nested graph becomes one strand in each frame that it passes,
and gates on the borders. What comes from one port and goes into one nested graph shares a gate, as
it shares an input in the spec.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import networkx as nx

from composer.dag import find_cycles
from composer.draw.diagram import Diagram, Link


class Port(NamedTuple):
    """Where values come from: a box, and the name of its port if the spec says one."""

    box: str
    name: str


class Gate(NamedTuple):
    """Where the values of a port cross the border of a frame."""

    port: Port
    side: Literal["entry", "exit"]


Item = str | Gate  # a box by key, a nested graph by path, or a gate


@dataclass
class Strand:
    """A connection inside one frame.

    Args:
        tail: the item it leaves.
        head: the item it reaches.
        port: where its values come from in the end.
        links: the wires that it is a part of.
    """

    tail: Item
    head: Item
    port: Port
    links: list[Link] = field(default_factory=list)

    @property
    def is_used(self) -> bool:
        """Whether a value passes in the run."""
        return any(link.is_used for link in self.links)


@dataclass
class Frame:
    """A nested graph, or the graph itself, seen by itself.

    Args:
        path: its path.
        items: the boxes and nested graphs directly in it.
        strands: what connects them with each other and with the gates.
    """

    path: str
    items: list[str]
    strands: list[Strand]

    def gates(self, side: Literal["entry", "exit"]) -> list[Gate]:
        """Its gates of one side."""
        ends = (end for strand in self.strands for end in (strand.tail, strand.head))
        return list(dict.fromkeys(e for e in ends if isinstance(e, Gate) and e.side == side))

    def edges(self) -> nx.DiGraph[Item]:
        """Its items and strands as a graph."""
        graph: nx.DiGraph[Item] = nx.DiGraph()
        graph.add_nodes_from(self.items)
        graph.add_edges_from((strand.tail, strand.head) for strand in self.strands)
        return graph


def split_frames(diagram: Diagram) -> dict[str, Frame]:
    """The frames by path; that of the graph itself has the empty path.

    A nested graph that both needs and feeds the same sibling cannot stand above or below it as
    one box. It is dissolved: its contents stand in the frame around it.
    """
    groups = list(diagram.groups)
    while True:
        frames = _split(diagram, groups)
        rings = [ring for frame in frames.values() for ring in find_cycles(frame.edges())]
        dissolved = [item for ring in rings for item in ring if item in groups]
        if not dissolved:
            return frames
        groups.remove(str(dissolved[0]))


def _split(diagram: Diagram, groups: list[str]) -> dict[str, Frame]:
    homes = {key: _home(box.group, groups) for key, box in diagram.boxes.items()}
    homes |= {group: _home(group.rpartition(".")[0], groups) for group in groups}
    frames = {path: Frame(path, [], []) for path in ["", *groups]}
    for item, home in homes.items():
        frames[home].items.append(item)
    strands: dict[tuple[str, Item, Item, Port], Strand] = {}
    for link in diagram.links:
        for path, tail, head in _stretches(link, homes):
            port = Port(link.tail, link.port)
            strand = strands.setdefault((path, tail, head, port), Strand(tail, head, port))
            strand.links.append(link)
    for (path, *_), strand in strands.items():
        frames[path].strands.append(strand)
    return frames


def _home(group: str, groups: list[str]) -> str:
    """The innermost frame that there is around a nested graph's contents."""
    while group and group not in groups:
        group = group.rpartition(".")[0]
    return group


def _stretches(link: Link, homes: dict[str, str]) -> Iterator[tuple[str, Item, Item]]:
    """The frames that a wire passes, and its ends in each."""
    port = Port(link.tail, link.port)
    above, below = _ways_out(link.tail, homes), _ways_out(link.head, homes)
    common = next(path for path in above if path in below)
    for path, item in above.items():
        if path == common:
            break
        yield path, item, Gate(port, "exit")
    yield common, above[common], below[common]
    for path, item in below.items():
        if path == common:
            break
        yield path, Gate(port, "entry"), item


def _ways_out(key: str, homes: dict[str, str]) -> dict[str, str]:
    """The frames around a box from inside out, and the item in each that the box is or is in."""
    ways: dict[str, str] = {}
    item = key
    while True:
        home = homes[item]
        ways[home] = item
        if not home:
            return ways
        item = home
