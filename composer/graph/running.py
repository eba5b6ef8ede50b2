"""Plans a graph's requests, keeps the plans, and runs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from composer.errors import InputError, NameResolutionError
from composer.executor import Observer, Placement, execute, gather
from composer.graph.inputs import bind_inputs, read_inputs
from composer.graph.modules import CallableTable
from composer.graph.outputs import pack_outputs
from composer.language import Mode
from composer.plan import AddressBook, Plan, Slot, Target, Wiring, make_plan
from composer.plan.feeding import feedable_slot, spread_feed
from composer.session import Session
from composer.taps import find_module

Names = str | Sequence[str]

_MAX_PLANS = 256  # that are kept; those of whole runs stay, and of others the latest


class Runner:
    """Answers requests for values.

    Args:
        wirings: the nodes and wires of each mode.
        callables: what each node calls, by path.
        is_part: whether the outputs are those of a subgraph, given as they are.
    """

    def __init__(
        self,
        wirings: Mapping[Mode, Wiring],
        callables: CallableTable,
        *,
        is_part: bool,
    ) -> None:
        self.wirings, self.callables, self.is_part = dict(wirings), callables, is_part
        self.observers: list[Observer] = []
        self.books = {mode: AddressBook(wiring) for mode, wiring in wirings.items()}
        self._plans: dict[Any, Plan] = {}
        for wiring in wirings.values():  # now: torch.compile does not follow the planning
            if wiring.outputs:
                self.plan(wiring, None)

    def wiring(self, mode: Mode) -> Wiring:
        """The wiring of a mode.

        Raises:
            NameResolutionError: if there is none.
        """
        if mode not in self.wirings:
            raise NameResolutionError(f"there is nothing to run in {mode} mode")
        return self.wirings[mode]

    def plan(self, wiring: Wiring, until: Names | None, feeds: Iterable[Slot] = ()) -> Plan:
        """The plan of a request; the same request gets the same plan.

        Raises:
            NameResolutionError: if a name means nothing or several things.
            InputError: if nothing was named and the mode has no outputs.
        """
        names = None if until is None else tuple(listed(until))
        key = (wiring.mode, names, tuple(feeds))
        if key not in self._plans:
            made = make_plan(wiring, self._targets(wiring, names), key[2])
            if len(self._plans) >= _MAX_PLANS:
                del self._plans[next(old for old in self._plans if old[1:] != (None, ()))]
            self._plans[key] = made
        return self._plans[key]

    def resolve_node(self, name: str, first: Mode) -> str:
        """The path of the node or nested graph that a name means in some mode, `first` before all.

        Raises:
            NameResolutionError: if there is none, or several.
        """
        failure: NameResolutionError | None = None
        for mode in (first, *self.books):
            try:
                return self.books[mode].resolve_node(name)
            except NameResolutionError as error:
                failure = failure or error
        assert failure is not None
        raise failure

    def feedable(self, wiring: Wiring, names: Iterable[str]) -> list[Slot]:
        """The slots that plain values fed by these names fill.

        Raises:
            NameResolutionError: if a name means nothing or several things.
            InputError: if something cannot be fed.
        """
        book = self.books[wiring.mode]
        return [feedable_slot(book.resolve(name)) for name in names]

    def fed(self, wiring: Wiring, feeds: Mapping[str, Any]) -> dict[Slot, Any]:
        """The slots that given values fill.

        Raises:
            NameResolutionError: if a name means nothing or several things.
            InputError: if something cannot be fed.
        """
        book = self.books[wiring.mode]
        filled: dict[Slot, Any] = {}
        for name, value in feeds.items():
            given = spread_feed(book.resolve(name), value, wiring)
            if twice := filled.keys() & given.keys():
                raise InputError(f"'{min(twice)}' is fed twice, the second time as '{name}'")
            filled.update(given)
        return filled

    def run(
        self,
        plan: Plan,
        values: dict[Slot, Any],
        inputs: Mapping[str, Any],
        seed: int | None = None,
    ) -> list[Any]:
        """Runs a plan.

        Args:
            plan: the plan.
            values: what was fed, by slot.
            inputs: the graph's inputs by name.
            seed: the run's seed; None draws one where a node needs it.

        Returns:
            The values of the plan's targets.
        """
        values = {slot: values[slot] for slot in plan.used_feeds}
        values.update(self.input_values(plan, inputs, values))
        if seed is None and any(step.call.draws for step in plan.steps):
            seed = draw_seed()
        tapped = execute(
            plan,
            self.callables,
            values,
            placement=self.placement(values),
            seed=seed or 0,
            observers=self.observers,
        )
        return [
            tapped[target.name] if target.tap else gather(target.endpoint, values)
            for target in plan.targets
        ]

    def answer(
        self,
        mode: Mode,
        inputs: Any,
        until: Names | None,
        feeds: Mapping[str, Any],
        seed: int | None,
    ) -> Any:
        """Runs what a request needs: see `Graph.run`."""
        wiring = self.wiring(mode)
        given = bind_inputs(wiring, () if inputs is None else (inputs,), {})
        fed = self.fed(wiring, feeds)
        found = self.run(self.plan(wiring, until, fed), fed, given, seed)
        if until is None:
            return self.packed(wiring, found)
        return found[0] if isinstance(until, str) else dict(zip(until, found, strict=True))

    def session(
        self, mode: Mode, inputs: Any, feeds: Mapping[str, Any], seed: int | None
    ) -> Session:
        """A lazy run: see `Graph.session`."""
        wiring = self.wiring(mode)
        given = bind_inputs(wiring, () if inputs is None else (inputs,), {})
        session = Session(self, wiring, given, draw_seed() if seed is None else seed)
        for name, value in feeds.items():
            session[name] = value
        return session

    def input_values(
        self, plan: Plan, inputs: Mapping[str, Any], fed: Mapping[Slot, Any]
    ) -> dict[Slot, Any]:
        """The values of the input slots that a plan reads.

        Raises:
            InputError: if an input is missing or of the wrong kind.
        """
        return read_inputs(self.wirings[plan.mode], plan, inputs, fed)

    def placement(self, values: Mapping[Slot, Any]) -> Placement:
        """Where the nodes are; a graph without weights is where the values are that it is given."""
        return self.callables.placement(values)

    def packed(self, wiring: Wiring, found: Sequence[Any]) -> Any:
        """The values of all outputs in the form that a full run gives."""
        names = wiring.outputs.keys()  # without .keys(), torch.compile does not guard the names
        outputs = dict(zip(names, found, strict=True))
        if not self.is_part:
            return pack_outputs(wiring, outputs)
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def _targets(self, wiring: Wiring, names: tuple[str, ...] | None) -> list[Target]:
        if names is None:
            if not wiring.outputs:
                raise InputError(f"the spec has no outputs in {wiring.mode} mode; name a node")
            return [Target(name, endpoint) for name, endpoint in wiring.outputs.items()]
        targets = [self.books[wiring.mode].resolve(name) for name in names]
        for target in targets:
            if target.tap:
                path = target.slot.path
                find_module(self.callables[wiring.calls[path].module_path], path, target.tap)
        return targets


def listed(names: Names) -> list[str]:
    """The names as a list, be it one or several.

    Raises:
        InputError: if there is none.
    """
    found = [names] if isinstance(names, str) else list(names)
    if not found:
        raise InputError("no node is named; without a list of names, the whole graph is meant")
    return found


def draw_seed() -> int:
    """A seed from torch's global generator: another one each time, the same after a manual seed."""
    return int(torch.empty((), dtype=torch.int64).random_())
