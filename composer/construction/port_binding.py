"""What the type variables of a node's ports stand for, by what is wired to its inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

from composer.blueprint import Dependencies, Slot
from composer.dag import find_cycles, order
from composer.language import Reference
from composer.node import agree, bind, members, plain


class Use(NamedTuple):
    """What is wired to an input port.

    Args:
        port: name of the port.
        expected: the port's type, or that of its elements where it gathers several wires.
        source: the slot that is wired to it, as written.
        reference: the reference that leads there.
        given: the slot's type.
    """

    port: str
    expected: Any
    source: Slot
    reference: Reference
    given: Any


@dataclass(frozen=True)
class PortBinding:
    """The type variables of one node, bound wire by wire.

    Args:
        types: the type that each variable is bound to.
        uses: the wire that bound it first.
    """

    types: dict[TypeVar, Any] = field(default_factory=dict)
    uses: dict[TypeVar, Use] = field(default_factory=dict)

    def add(self, use: Use) -> Use | None:
        """Binds the variables of an input's type, as far as the source says what they are.

        Returns:
            The wire that binds one of them to another type, if there is one.
        """
        for variable, kind in bind(use.expected, use.given).items():
            agreed = agree(self.types.get(variable, kind), kind)
            if agreed is None:
                return self.uses[variable]
            self.types[variable] = agreed
            self.uses.setdefault(variable, use)
        return None


def order_nodes(dependencies: Dependencies) -> list[str]:
    """The nodes, each after those that it is wired to; cycles, which are noted elsewhere, last."""
    graph, nodes = dependencies.between_nodes.copy(), dependencies.nodes
    while cycles := find_cycles(graph):
        graph.remove_nodes_from({path for cycle in cycles for path in cycle})
    ordered = order(graph, set(graph), {path: rank for rank, path in enumerate(graph)})
    return [path for path in dict.fromkeys([*ordered, *nodes]) if path in nodes]


def element_type(expected: Any) -> Any | None:
    """The element type of a list type, or of the first one in a union; None for other types."""
    if expected is Any:
        return Any
    for member in members(expected):
        bare = plain(member)
        if (get_origin(bare) or bare) in (list, tuple):
            arguments = get_args(bare)
            return arguments[0] if arguments else Any
    return None
