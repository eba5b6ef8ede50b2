"""A spec in one mode, made flat: calls of node types by path, with every wire resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import networkx as nx

from composer.documents import Located, Place
from composer.language import InputSpec, Mode


@dataclass(frozen=True)
class Source:
    """A node's or an input's port; without a port, its only or first one.

    Args:
        path: path of the node, or name of the input.
        port: name of the port.
        text: the reference that leads there, as written.
        place: where the reference stands.
        origin: where it was handed in, when it comes from outside a nested graph.
    """

    path: str
    port: str | None = None
    text: str = field(default="", compare=False)
    place: Place = field(default_factory=lambda: Place(""), compare=False)
    origin: Place | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.path}.{self.port}" if self.port else self.path


@dataclass(frozen=True)
class Wire:
    """What an input port gets.

    Args:
        sources: where its value comes from; nothing if a problem was noted about the wire.
        gathers: whether it gets a list with one value for each source.
        place: where the wire stands in the spec.
        text: the wire as written.
    """

    sources: tuple[Source, ...]
    gathers: bool
    place: Place
    text: str


@dataclass(frozen=True)
class NetworkNode:
    """A call of a node type.

    Args:
        path: dotted path.
        uses: the node type, as written.
        same_as: path of the node whose module is called again, or None.
        config: configuration as written.
        wires: wires by input port.
        wire_places: where each port's name stands.
        namespace: checkpoint key prefix, without the final dot; empty for none.
        device: device by name, or None for the graph's.
        place: where the node stands.
        uses_place: where its node type stands.
    """

    path: str
    uses: str
    same_as: str | None
    config: Located
    wires: Mapping[str, Wire]
    wire_places: Mapping[str, Place]
    namespace: str
    device: str | None
    place: Place
    uses_place: Place


@dataclass(frozen=True)
class Network:
    """All nodes of one mode.

    Args:
        mode: the mode.
        inputs: the graph's inputs.
        nodes: the nodes by path, in the order they were declared.
        outputs: the graph's outputs.
        groups: outputs of each nested graph by its path; the first is what its path stands for.
    """

    mode: Mode
    inputs: Mapping[str, InputSpec]
    nodes: Mapping[str, NetworkNode]
    outputs: Mapping[str, Wire]
    groups: Mapping[str, Mapping[str, Wire]]

    def edges(self) -> nx.DiGraph[str]:
        """A graph of node paths and input names."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(self.inputs)
        graph.add_nodes_from(self.nodes)
        for node in self.nodes.values():
            for wire in node.wires.values():
                graph.add_edges_from((source.path, node.path) for source in wire.sources)
        return graph
