"""`Blueprint`: a spec made flat, and the plans that are made on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

from composer.blueprint.addresses import AddressBook, Target, check_names
from composer.blueprint.dependencies import Dependencies
from composer.blueprint.nodes import Endpoint, GraphInput, Node, Slot
from composer.blueprint.part import cut_part
from composer.blueprint.plan import Plan, make_plan
from composer.errors import InputError, NameResolutionError
from composer.garbage_collection import paused_collection
from composer.language import ImageFormat, Mode, Spec

Names = str | Sequence[str]
_Derived = TypeVar("_Derived")
_PlanKey = tuple[Mode, tuple[str, ...] | None, tuple[Slot, ...]]

_KEEPING = Lock()
_MAX_PLANS = 256  # that are kept; those of whole runs stay, and of others the latest


@dataclass(frozen=True)
class Blueprint:
    """A spec made flat: nodes by path, each wire followed to the slots that it comes from.

    Resolving the references of a spec gives one whose ports may be open and whose nodes have no
    contracts yet; checking gives one that can be planned and built.

    Args:
        spec: the spec.
        nodes: the nodes of both modes by path, in the order of the spec. Of a part, all nodes of
            the spec are here; those that are left out exist in no mode.
        inputs: the graph's inputs by mode and name.
        outputs: the graph's outputs by mode and name.
        groups: the outputs of each nested graph by mode, path and name; the first is what its path
            stands for.
        output_shapes: what is known of each node's (first) output, by path.
        weight_bytes: bytes of the weights of each module, by path.
        is_part: whether it is a part, whose outputs are given as they are.
    """

    spec: Spec
    nodes: Mapping[str, Node]
    inputs: Mapping[Mode, Mapping[str, GraphInput]]
    outputs: Mapping[Mode, Mapping[str, Endpoint]]
    groups: Mapping[Mode, Mapping[str, Mapping[str, Endpoint]]]
    output_shapes: Mapping[str, Any] = field(default_factory=dict)
    weight_bytes: Mapping[str, int] = field(default_factory=dict)
    is_part: bool = False
    _derived: dict[Any, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    _plans: dict[_PlanKey, Plan] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes that it has; of a part, those in which its targets exist."""
        return tuple(self.outputs)

    def nodes_in(self, mode: Mode) -> Mapping[str, Node]:
        """The nodes that exist in a mode by path, in the order of the spec.

        Raises:
            NameResolutionError: if there is no such mode.
        """
        if not isinstance(mode, str) or mode not in self.outputs:
            modes = " or ".join(f"'{each}'" for each in self.outputs)
            raise NameResolutionError(
                f"there is nothing to run in {mode} mode; the mode is {modes or 'missing'}"
            )
        return self._once(
            ("nodes", mode),
            lambda: {path: node for path, node in self.nodes.items() if mode in node.arguments},
        )

    def book(self, mode: Mode) -> AddressBook:
        """The names of a mode.

        Raises:
            NameResolutionError: if there is no such mode.
        """
        nodes = self.nodes_in(mode)
        return self._once(
            ("book", mode),
            lambda: AddressBook(
                mode,
                self.inputs[mode],
                nodes,
                self.groups[mode],
                lambda: [self.book(other) for other in self.modes if other != mode],
            ),
        )

    def dependencies(self, mode: Mode) -> Dependencies:
        """What depends on what in a mode.

        Raises:
            NameResolutionError: if there is no such mode.
        """
        nodes = self.nodes_in(mode)
        return self._once(
            ("dependencies", mode), lambda: Dependencies(mode, self.inputs[mode], nodes)
        )

    def plan(
        self, mode: Mode, until: Names | None = None, feeds: Iterable[str | Slot] = ()
    ) -> Plan:
        """What a run would do: which nodes, in which order, and where values are released.

        The same request gets the same plan.

        Args:
            mode: the mode.
            until: nodes, ports or taps; all outputs of the graph if None.
            feeds: what is given in place of computing it. A name stands for what a plain value
                fills: of a node, its first output.

        Raises:
            NameResolutionError: if a name means nothing or several things.
            InputError: if nothing is named and the mode has no outputs, or something cannot be fed.
        """
        names = None if until is None else tuple(listed(until))
        fed = [feeds] if isinstance(feeds, str) else feeds
        given = tuple([self._fed_slot(mode, feed) for feed in fed])
        key = (mode, names, given)
        found = self._plans.get(key)
        if found is None:
            with paused_collection():
                dependencies = self.dependencies(mode)
                targets, slots = self._targets(mode, names), dict.fromkeys(given)
                found = make_plan(dependencies, targets, slots.keys(), is_whole=names is None)
            self._keep(key, found)
        return found

    def _keep(self, key: _PlanKey, plan: Plan) -> None:
        with _KEEPING:
            if len(self._plans) >= _MAX_PLANS:
                del self._plans[next(old for old in self._plans if old[1:] != (None, ()))]
            self._plans[key] = plan

    def part(self, until: Names, feeds: Sequence[str] = ()) -> Blueprint:
        """The part that computes some targets from some feeds, in the modes in which they exist.

        Args:
            until: its outputs.
            feeds: its inputs; inputs of this blueprint that are still needed come first. Of a node
                with several ports the first is an input by the node's name, others that are
                needed by `name.port`.

        Raises:
            NameResolutionError: if a name means nothing or several things in every mode.
            InputError: if a name is that of a tap, or something cannot be fed.
        """
        fed = [feeds] if isinstance(feeds, str) else check_names(feeds)
        return cut_part(self, listed(until), fed)

    def resolve_node(self, name: str, first: Mode = "inference") -> str:
        """The path of the node or nested graph that a name means in some mode, `first` before all.

        Raises:
            NameResolutionError: if there is none, or several.
        """
        failure: NameResolutionError | None = None
        for mode in sorted(self.modes, key=lambda mode: mode != first):
            try:
                return self.book(mode).resolve_node(name)
            except NameResolutionError as error:
                failure = failure or error
        assert failure is not None
        raise failure

    @property
    def image_format(self) -> ImageFormat:
        """How images are read for it: the format of its first input that is made of records.

        Raises:
            InputError: if it has no such input.
        """
        declared = self.spec.graph.inputs
        for inputs in self.inputs.values():
            for name, point in inputs.items():
                if point.convert is not None and name in declared:
                    return declared[name].image
        raise InputError(f"'{self.spec.name}' takes no batch of images")

    def __deepcopy__(self, _memo: object) -> Blueprint:
        return self  # nothing of it changes

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_derived": {}, "_plans": {}}

    def _once(self, key: object, make: Callable[[], _Derived]) -> _Derived:
        if key not in self._derived:
            self._derived.setdefault(key, make())  # of two threads, the first one's
        found: _Derived = self._derived[key]
        return found

    def _fed_slot(self, mode: Mode, feed: str | Slot) -> Slot:
        return feed if isinstance(feed, Slot) else self.book(mode).resolve(feed).fed_slot()

    def _targets(self, mode: Mode, names: tuple[str, ...] | None) -> list[Target]:
        if names is not None:
            return [self.book(mode).resolve(name) for name in names]
        if not self.outputs[mode]:
            raise InputError(f"the spec has no outputs in {mode} mode; name a node")
        return [Target(name, endpoint) for name, endpoint in self.outputs[mode].items()]


def listed(names: Names) -> list[str]:
    """The names as a list, be it one or several.

    Raises:
        InputError: if there is none, or one is no text.
    """
    found = [names] if isinstance(names, str) else check_names(names)
    if not found:
        raise InputError("no node is named; without a list of names, the whole graph is meant")
    return found
