"""What a drawing shows, before it is known how: boxes, links and the nested graphs around them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from composer.blueprint import Network, NetworkNode, Source
from composer.language import FrozenPart

Kind = Literal["node", "input", "output"]
State = Literal["plain", "runs", "target", "fed", "idle"]


@dataclass(frozen=True)
class Selection:
    """The part of a graph that a run is about.

    Args:
        runs: paths of the nodes that run.
        fed: paths of the nodes that do not run, for their values are given.
        targets: paths of the nodes that are asked for.
        inputs: names of the graph's inputs that are read.
        outputs: names of the graph's outputs that are given.
    """

    runs: frozenset[str]
    fed: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    inputs: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Box:
    """A node, or an input or output of the whole graph.

    Args:
        key: its path; for inputs and outputs, what tells it from all others.
        title: its name within its nested graph.
        type: its node type or port type, or the node whose module it calls again.
        kind: what it is.
        group: path of the nested graph it is in; empty for the graph itself.
        plugin: the plugin of its node type, or empty.
        state: its part in the run.
    """

    key: str
    title: str
    type: str
    kind: Kind
    group: str
    plugin: str
    state: State


@dataclass(frozen=True)
class Link:
    """A wire.

    Args:
        tail: key of the box that gives the value.
        port: the port it comes from, where the spec names one.
        head: key of the box that takes it.
        into: the port it goes to; empty for an output of the graph.
        is_used: whether the value is passed on in the run.
    """

    tail: str
    port: str
    head: str
    into: str
    is_used: bool


@dataclass(frozen=True)
class Diagram:
    """All that a drawing shows.

    Args:
        title: name of the model.
        caption: what the model is.
        boxes: the boxes by key, in the order of the spec.
        links: the wires.
        groups: paths of the nested graphs, each before those inside it.
        is_partial: whether only some boxes take part.
    """

    title: str
    caption: str
    boxes: dict[str, Box]
    links: tuple[Link, ...]
    groups: tuple[str, ...]
    is_partial: bool

    def inside(self, group: str) -> list[str]:
        """The nested graphs that are directly inside one; inside the graph itself for `""`."""
        return [path for path in self.groups if path.rpartition(".")[0] == group]

    @property
    def plugins(self) -> tuple[str, ...]:
        """The plugins that are used, in the order of their first nodes."""
        return tuple(dict.fromkeys(box.plugin for box in self.boxes.values() if box.plugin))


def make_diagram(
    network: Network,
    title: str,
    caption: str = "",
    *,
    plugin_of: Callable[[str], str] = lambda _: "",
    selection: Selection | None = None,
    frozen: Collection[FrozenPart] = (),
) -> Diagram:
    """The diagram of a network.

    Args:
        network: one mode of a spec, its wires resolved.
        title: name of the model.
        caption: what the model is.
        plugin_of: gives the plugin of a node type.
        selection: the part that a run is about; the whole without one.
        frozen: what is not trained.
    """
    drawing = _Drawing(network, selection, frozen)
    boxes = {box.key: box for box in drawing.boxes(plugin_of)}
    return Diagram(
        title=title,
        caption=caption,
        boxes=boxes,
        links=tuple(dict.fromkeys(drawing.links(boxes))),
        groups=tuple(_groups_of(network)),
        is_partial=selection is not None,
    )


def _groups_of(network: Network) -> list[str]:
    """The nested graphs that have nodes in this mode, each before those inside it."""
    filled = [g for g in network.groups if any(path.startswith(f"{g}.") for path in network.nodes)]
    return sorted(filled, key=lambda path: path.count("."))


def output_key(name: str) -> str:
    """The key of an output's box; no node's path has a blank."""
    return f"output {name}"


@dataclass
class _Drawing:
    network: Network
    selection: Selection | None
    frozen: Collection[FrozenPart]

    def boxes(self, plugin_of: Callable[[str], str]) -> Iterator[Box]:
        for name, point in self.network.inputs.items():
            kind = "" if point.type_name == "any" else point.type_name
            yield Box(name, name, kind, "input", "", "", self.state("inputs", name))
        for path, node in self.network.nodes.items():
            group, _, title = path.rpartition(".")
            state = self.node_state(path)
            yield Box(path, title, self.type(node), "node", group, plugin_of(node.uses), state)
        for name in self.network.outputs:
            yield Box(output_key(name), name, "", "output", "", "", self.state("outputs", name))

    def type(self, node: NetworkNode) -> str:
        if node.same_as is not None:
            return f"again {node.same_as}"
        modules = [part.module for part in self.frozen if part.covers(node.path)]
        if not modules:
            return node.uses
        return f"{node.uses}, {'' if '' in modules else 'partly '}frozen"

    def state(self, part: str, name: str) -> State:
        if self.selection is None:
            return "plain"
        return "runs" if name in getattr(self.selection, part) else "idle"

    def node_state(self, path: str) -> State:
        if self.selection is None:
            return "plain"
        if path in self.selection.fed:
            return "fed"
        if path in self.selection.targets:
            return "target"
        return "runs" if path in self.selection.runs else "idle"

    def links(self, boxes: dict[str, Box]) -> Iterator[Link]:
        for path, node in self.network.nodes.items():
            for port, wire in node.wires.items():
                for source in wire.sources:
                    yield _link(source, boxes[path], port)
        for name, wire in self.network.outputs.items():
            for source in wire.sources:
                yield _link(source, boxes[output_key(name)], "")


def _link(source: Source, head: Box, into: str) -> Link:
    used = head.state in ("plain", "runs", "target")
    return Link(source.path, source.port or "", head.key, into, used)
