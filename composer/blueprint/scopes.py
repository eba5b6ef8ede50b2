"""Scopes: the graphs of a spec, each with the wires to its inputs and the graph around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from composer.language import GraphSpec, NodeSpec, WireSpec


@dataclass(frozen=True)
class Scope:
    """One graph: its nodes, and its inputs as wires from outside.

    Args:
        graph: the graph.
        path: its path; empty for the whole graph.
        inputs: the wires to its inputs, which belong to the graph around it.
        outer: the graph around it.
        namespace: checkpoint key prefix of its weights, without the final dot.
        device: device of its nodes, or None for the whole graph's.
        recompute: whether training computes activations of its nodes again for the gradients.
    """

    graph: GraphSpec
    path: str = ""
    inputs: Mapping[str, WireSpec] = field(default_factory=dict)
    outer: Scope | None = None
    namespace: str = ""
    device: str | None = None
    recompute: bool = False

    def join(self, name: str) -> str:
        """The path of one of the graph's nodes."""
        return f"{self.path}.{name}" if self.path else name

    def nested(self, node: NodeSpec) -> Scope:
        """The graph that a node of this graph is."""
        assert node.graph is not None
        path = self.join(node.name)
        namespace, device = self.namespace_of(node), self.device_of(node)
        recompute = self.is_recomputed(node)
        return Scope(node.graph, path, node.inputs, self, namespace, device, recompute)

    def walk(self) -> Iterator[tuple[Scope, NodeSpec]]:
        """Every node that is no nested graph, with the graph that it is in, in order."""
        for node in self.graph.nodes.values():
            if node.graph is not None:
                yield from self.nested(node).walk()
            else:
                yield self, node

    def namespace_of(self, node: NodeSpec) -> str:
        """A node's checkpoint prefix: `.` is this graph's, a name of its own is absolute."""
        if node.namespace is None:
            return f"{self.namespace}.{node.name}" if self.namespace else node.name
        return self.namespace if node.namespace == "." else node.namespace.rstrip(".")

    def device_of(self, node: NodeSpec) -> str | None:
        """A node's device: its own, else that of the graphs around it."""
        return self.device if node.device is None else node.device

    def is_recomputed(self, node: NodeSpec) -> bool:
        """Whether a node is recomputed: as it says, else as the graphs around it do."""
        return self.recompute if node.recompute is None else node.recompute

    def find(self, names: list[str]) -> tuple[Scope, NodeSpec] | None:
        """The node at the end of a way of names, with the graph that it is in."""
        node = self.graph.nodes.get(names[0])
        if node is None or len(names) == 1:
            return None if node is None else (self, node)
        return self.nested(node).find(names[1:]) if node.graph is not None else None

    def names(self) -> list[str]:
        """What a wire in this graph may begin with."""
        return [*self.graph.nodes, *self.inputs, *self.graph.inputs]

    def is_known_outside(self, name: str) -> bool:
        """Whether a graph around this one has a node or an input of that name."""
        outer = self.outer
        return outer is not None and (name in outer.names() or outer.is_known_outside(name))
