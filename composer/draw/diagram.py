"""What a drawing shows, before it is known how: boxes, links and the nested graphs around them."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from composer.blueprint import Blueprint, Endpoint, Node, Plan, Slot
from composer.language import Mode
from composer.registry import short_name

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

    @classmethod
    def of(cls, plan: Plan) -> Selection:
        """What a plan runs."""
        nodes = {slot.path for target in plan.targets for slot in target.endpoint.slots}
        return cls(
            runs=frozenset(plan.paths),
            fed=frozenset({slot.path for slot in plan.used_feeds} - set(plan.paths)),
            targets=frozenset(() if plan.is_whole else nodes),
            inputs=frozenset(plan.inputs),
            outputs=frozenset(t.name for t in plan.targets if plan.is_whole),
        )


@dataclass(frozen=True)
class Box:
    """A node, or an input or output of the whole graph.

    Args:
        key: its path; for inputs and outputs, a unique name.
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
        return self._groups_inside.get(group, [])

    @cached_property
    def _groups_inside(self) -> dict[str, list[str]]:
        inside: dict[str, list[str]] = {}
        for path in self.groups:
            inside.setdefault(path.rpartition(".")[0], []).append(path)
        return inside

    @cached_property
    def plugins(self) -> tuple[str, ...]:
        """The plugins that are used, in the order of their first nodes."""
        return tuple(dict.fromkeys(box.plugin for box in self.boxes.values() if box.plugin))


def make_diagram(
    blueprint: Blueprint,
    mode: Mode,
    *,
    plugin_of: Callable[[Node], str] = lambda node: node.plugin,
    selection: Selection | None = None,
) -> Diagram:
    """The diagram of a spec in one mode.

    Args:
        blueprint: the spec, its references resolved; it need not be checked.
        mode: the mode.
        plugin_of: gives the plugin of a node's type.
        selection: the part that a run is about; the whole without one.
    """
    drawing = _Drawing(blueprint, mode, selection)
    boxes = {box.key: box for box in drawing.boxes(plugin_of)}
    return Diagram(
        title=blueprint.spec.name,
        caption=blueprint.spec.doc,
        boxes=boxes,
        links=tuple(dict.fromkeys(drawing.links(boxes))),
        groups=drawing.groups,
        is_partial=selection is not None,
    )


def _groups_of(blueprint: Blueprint, mode: Mode) -> list[str]:
    """The nested graphs that have nodes in this mode, each before those inside it."""
    around = {
        ".".join(path.split(".")[:depth])
        for path in blueprint.nodes_in(mode)
        for depth in range(1, path.count(".") + 1)
    }
    filled = [path for path in blueprint.groups[mode] if path in around]
    return sorted(filled, key=lambda path: path.count("."))


def input_key(name: str, taken: Container[str]) -> str:
    """The key of an input's box: its name, unless a nested graph of a part has that."""
    return f"input {name}" if name in taken else name


def output_key(name: str) -> str:
    """The key of an output's box; no node's path has a blank."""
    return f"output {name}"


@dataclass
class _Drawing:
    blueprint: Blueprint
    mode: Mode
    selection: Selection | None

    def boxes(self, plugin_of: Callable[[Node], str]) -> Iterator[Box]:
        for name, point in self.blueprint.inputs[self.mode].items():
            kind = "" if point.type_name == "any" else short_name(point.type_name)
            key = input_key(name, self.groups)
            yield Box(key, name, kind, "input", "", "", self.state("inputs", name))
        for path, node in self.blueprint.nodes_in(self.mode).items():
            group, _, title = path.rpartition(".")
            state = self.node_state(path)
            yield Box(path, title, self.type(node), "node", group, plugin_of(node), state)
        for name in self.blueprint.outputs[self.mode]:
            yield Box(output_key(name), name, "", "output", "", "", self.state("outputs", name))

    @cached_property
    def groups(self) -> tuple[str, ...]:
        return tuple(_groups_of(self.blueprint, self.mode))

    @cached_property
    def inputs(self) -> dict[Slot, str]:
        """The key of the input that fills a slot; of a part it may be one of a node that is not."""
        return {
            slot: input_key(name, self.groups)
            for name, point in self.blueprint.inputs[self.mode].items()
            for slot in (point.slot, *(Slot(name, part) for part in point.parts))
        }

    def type(self, node: Node) -> str:
        if node.same_as is not None:
            return f"again {node.same_as}"
        frozen = self.blueprint.spec.freeze.values()
        modules = [part.module for part in frozen if part.covers(node.path)]
        remarks = [f"{'' if '' in modules else 'partly '}frozen"] if modules else []
        if node.recompute:
            remarks.append("recomputed")
        return ", ".join([node.type_name, *remarks])

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
        for path, node in self.blueprint.nodes_in(self.mode).items():
            for port, wire in node.arguments[self.mode].items():
                yield from self.links_to(boxes[path], wire, port)
        for name, wire in self.blueprint.outputs[self.mode].items():
            yield from self.links_to(boxes[output_key(name)], wire, "")

    def links_to(self, head: Box, wire: Endpoint, into: str) -> Iterator[Link]:
        used = head.state in ("plain", "runs", "target")
        for slot in wire.slots:
            tail = self.inputs.get(slot, slot.path)
            is_part = tail != slot.path  # the port is that of a node that is not there
            yield Link(tail, "" if is_part else slot.port, head.key, into, used)
