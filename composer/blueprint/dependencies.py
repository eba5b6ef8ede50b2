"""What depends on what in one mode of a blueprint."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import networkx as nx

from composer.blueprint.nodes import GraphInput, Node, Slot
from composer.language import Mode


class Dependencies:
    """The slots and nodes of one mode; a blueprint makes it once a mode.

    Args:
        mode: the mode.
        inputs: the graph's inputs by name.
        nodes: the nodes of the mode by path, in the order of the spec.
    """

    def __init__(
        self, mode: Mode, inputs: Mapping[str, GraphInput], nodes: Mapping[str, Node]
    ) -> None:
        self.mode, self.inputs, self.nodes = mode, inputs, nodes

    @cached_property
    def graph(self) -> nx.DiGraph[Slot | str]:
        """A graph of slots and node paths; edges go from what is needed to what needs it."""
        graph: nx.DiGraph[Slot | str] = nx.DiGraph()
        given = self.input_types
        for point in self.inputs.values():
            graph.add_node(point.slot)
            graph.add_edges_from((point.slot, Slot(point.name, part)) for part in point.parts)
        for node in self.nodes.values():
            graph.add_node(node.path)
            graph.add_edges_from([(node.path, slot) for slot in node.slots if slot not in given])
            for argument in node.arguments[self.mode].values():
                graph.add_edges_from([(slot, node.path) for slot in argument.slots])
        return graph

    @cached_property
    def between_nodes(self) -> nx.DiGraph[str]:
        """A graph of node paths and input names, without slots; ports may be open."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(self.inputs)
        graph.add_nodes_from(self.nodes)
        for node in self.nodes.values():
            for argument in node.arguments[self.mode].values():
                graph.add_edges_from([(slot.path, node.path) for slot in argument.slots])
        return graph

    @cached_property
    def rank(self) -> Mapping[Slot | str, int]:
        """The order of declaration, as far as needs leave one."""
        return {vertex: index for index, vertex in enumerate(self.graph)}

    @cached_property
    def input_types(self) -> Mapping[Slot, Any]:
        """The slots of the graph's inputs and of their parts, with their port types."""
        types: dict[Slot, Any] = {}
        for point in self.inputs.values():
            types[point.slot] = point.type
            types.update({Slot(point.name, part): kind for part, kind in point.parts.items()})
        return types

    def type_of(self, slot: Slot) -> Any:
        """The port type of a slot."""
        if slot in self.input_types:
            return self.input_types[slot]
        return self.nodes[slot.path].outputs_in(self.mode)[slot.port]
