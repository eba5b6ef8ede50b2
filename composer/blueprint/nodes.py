"""Nodes and inputs of a graph, and the slots that their values go to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from composer.discovery import Publication
from composer.documents import Located, Place
from composer.language import Mode, Reference
from composer.registry import short_name

if TYPE_CHECKING:  # it imports torch
    from composer.node import Contract

WHOLE = ""  # the port of a slot where none is named: a graph input itself, a node's first output

_NOWHERE = Place("")


class Slot(NamedTuple):
    """Where one value goes: an output port of a node, or a graph input or a part of it.

    In a blueprint that is not checked yet, a port that no wire names is open: `WHOLE`.
    """

    path: str
    port: str

    def __str__(self) -> str:
        return f"{self.path}.{self.port}" if self.port not in (WHOLE, "output") else self.path


@dataclass(frozen=True)
class Endpoint:
    """What an argument or an output consists of.

    Args:
        slots: the slots; none if a problem was noted about the wire.
        gathers: whether it is a list with one value a slot, else it is the only slot's value.
        place: where the wire stands.
        references: for each slot, the reference that leads there.
    """

    slots: tuple[Slot, ...]
    gathers: bool = False
    place: Place = field(default=_NOWHERE, compare=False, repr=False)
    references: tuple[Reference, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True)
class GraphInput:
    """An input of a graph.

    Args:
        name: its name.
        type_name: its port type as written; `any` for one that is taken from its wires.
        optional: whether a run may do without it.
        slot: the slot its value goes to; for a subgraph, the slot that is fed.
        type: its port type, once it is checked.
        parts: types of the parts that wires may address.
        convert: makes a value of the port type out of what users give, where it can.
    """

    name: str
    type_name: str
    optional: bool
    slot: Slot
    type: Any = Any
    parts: Mapping[str, Any] = field(default_factory=dict)
    convert: Callable[[Any], Any] | None = field(init=False)

    def __post_init__(self) -> None:
        # Looked up here and not in a run: torch.compile cannot look up what a tensor lacks.
        object.__setattr__(self, "convert", getattr(self.type, "from_records", None))


@dataclass(frozen=True)
class Node:
    """A call of a node type.

    Args:
        path: dotted path.
        uses: its node type, as written.
        arguments: what its input ports get, for each mode in which the node exists.
        namespace: checkpoint key prefix, without the final dot; empty for none.
        device: device by name, or None for the graph's.
        recompute: whether training computes its activations again for the gradients.
        same_as: path of the node whose module is called again, or None.
        publication: what publishes its node type, once that is found; None for one that is given
            in Python.
        label: node type and plugin with version, for messages.
        contract: the contract of its node type, once that is read.
        config: the checked configuration.
        shapes: values of its `<port>_shape` parameters.
        bound: types of its outputs by mode, where type variables of the contract are bound by
            what is wired to its inputs.
        written: the configuration as written.
        place: where the node stands.
        uses_place: where its node type stands.
        input_places: where the name of each input port stands.
        written_in: the document in which the name of its node type is written.
    """

    path: str
    uses: str
    arguments: Mapping[Mode, Mapping[str, Endpoint]] = field(default_factory=dict)
    namespace: str = ""
    device: str | None = None
    recompute: bool = False
    same_as: str | None = None
    publication: Publication | None = None
    label: str = ""
    contract: Contract | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    shapes: Mapping[str, Any] = field(default_factory=dict)
    bound: Mapping[Mode, Mapping[str, Any]] = field(default_factory=dict)
    written: Located = field(default=Located({}, _NOWHERE), compare=False, repr=False)
    place: Place = field(default=_NOWHERE, compare=False, repr=False)
    uses_place: Place = field(default=_NOWHERE, compare=False, repr=False)
    input_places: Mapping[str, Place] = field(default_factory=dict, compare=False, repr=False)
    written_in: str = field(default="", compare=False, repr=False)

    def changed(self, **values: Any) -> Node:
        """The same node with other values: `replace`, at a third of its time."""
        made = object.__new__(Node)
        made.__dict__.update({**self.__dict__, **values})
        made.__dict__.pop("slots", None)
        return made

    @property
    def type_name(self) -> str:
        """Its node type for people: qualified, unless it is ours or a local object."""
        found = self.publication
        return short_name(self.uses if found is None else found.qualified)

    @property
    def plugin(self) -> str:
        """The plugin of its node type, or an empty text."""
        return self.publication.plugin if self.publication is not None else ""

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Types of its output ports by name; nothing as long as its contract is not read."""
        return {} if self.contract is None else self.contract.outputs

    def outputs_in(self, mode: Mode) -> Mapping[str, Any]:
        """Types of its output ports in a mode."""
        return self.bound.get(mode, self.outputs)

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """The slots of its outputs, in order."""
        return tuple([Slot(self.path, port) for port in self.outputs])

    @property
    def named_outputs(self) -> bool:
        """Whether its outputs are the fields of a NamedTuple."""
        return self.contract is not None and self.contract.named_outputs

    @property
    def is_module(self) -> bool:
        """Whether its node type is a class of modules."""
        return self.contract is not None and self.contract.is_module

    def draws_in(self, mode: Mode) -> bool:
        """Whether it takes a random generator in a mode."""
        if self.contract is None or not self.contract.takes_generator:
            return False
        return mode == "training" or self.contract.draws_in_inference

    @property
    def module_path(self) -> str:
        """The path under which its module or function is kept: another node's, for `same_as`."""
        return self.same_as or self.path
