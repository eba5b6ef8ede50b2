"""A checked network of one mode: calls, and the slots that their values go to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import networkx as nx

from composer.language import Mode

WHOLE = ""  # the port of a graph input's slot that holds the input itself


class Slot(NamedTuple):
    """Where one value goes: an output port of a node, or a graph input or a part of it."""

    path: str
    port: str

    def __str__(self) -> str:
        return f"{self.path}.{self.port}" if self.port not in (WHOLE, "output") else self.path


@dataclass(frozen=True)
class Endpoint:
    """What an argument or an output consists of.

    Args:
        slots: the slots.
        gathers: whether it is a list with one value a slot, else it is the only slot's value.
    """

    slots: tuple[Slot, ...]
    gathers: bool = False


@dataclass(frozen=True)
class Call:
    """One node: what it calls, with which arguments, and where its results go.

    Args:
        path: the node's path.
        type_name: the node type.
        label: node type and plugin with version, for messages.
        arguments: the input ports that are connected.
        outputs: types of the output ports by name, in order.
        named_outputs: whether the outputs are the fields of a NamedTuple.
        draws: whether it gets a random generator.
        device: the device it was placed on in the spec, or None.
        module_path: path under which its module is kept (another node's, for `same_as`).
    """

    path: str
    type_name: str
    label: str
    arguments: Mapping[str, Endpoint]
    outputs: Mapping[str, Any]
    named_outputs: bool
    draws: bool
    device: str | None
    module_path: str

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots of its outputs, in order."""
        return tuple(Slot(self.path, port) for port in self.outputs)


@dataclass(frozen=True)
class InputPoint:
    """An input of the graph.

    Args:
        name: its name.
        type: its port type.
        parts: types of the parts that wires may address.
        optional: whether a run may do without it.
        slot: the slot its value goes to; for a subgraph, the slot that is fed.
        convert: makes a value of the port type out of what users give, where it can.
    """

    name: str
    type: Any
    parts: Mapping[str, Any]
    optional: bool
    slot: Slot
    convert: Callable[[Any], Any] | None = field(init=False)

    def __post_init__(self) -> None:
        # Looked up here and not in a run: torch.compile cannot look up what a tensor lacks.
        object.__setattr__(self, "convert", getattr(self.type, "from_records", None))


@dataclass(frozen=True)
class Wiring:
    """All of one mode.

    Args:
        mode: the mode.
        inputs: the graph's inputs by name.
        calls: the nodes by path, in the order of the spec.
        outputs: the graph's outputs by name.
        groups: the outputs of each nested graph, by path and name.
    """

    mode: Mode
    inputs: Mapping[str, InputPoint]
    calls: Mapping[str, Call]
    outputs: Mapping[str, Endpoint]
    groups: Mapping[str, Mapping[str, Endpoint]]

    @cached_property
    def dependencies(self) -> nx.DiGraph[Slot | str]:
        """A graph of slots and node paths; edges go from what is needed to what needs it."""
        graph: nx.DiGraph[Slot | str] = nx.DiGraph()
        given = self.input_types
        for point in self.inputs.values():
            graph.add_node(point.slot)
            graph.add_edges_from((point.slot, Slot(point.name, part)) for part in point.parts)
        for call in self.calls.values():
            graph.add_node(call.path)
            graph.add_edges_from((call.path, slot) for slot in call.slots if slot not in given)
            for argument in call.arguments.values():
                graph.add_edges_from((slot, call.path) for slot in argument.slots)
        return graph

    @cached_property
    def rank(self) -> Mapping[Slot | str, int]:
        """The order of declaration, as far as needs leave one."""
        return {vertex: index for index, vertex in enumerate(self.dependencies)}

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
        return self.calls[slot.path].outputs[slot.port]
