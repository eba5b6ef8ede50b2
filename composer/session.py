"""A run that keeps its values: computed on demand, replaceable, and recomputed where stale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from composer.dag import affected
from composer.executor import Callables, Observer, Placement, execute, gather
from composer.plan import AddressBook, Plan, Slot, Target, Wiring, make_plan
from composer.plan.addressing import fed_slots
from composer.plan.feeding import spread_feed
from composer.taps import find_module


class SessionHost(Protocol):
    """What a session needs of its graph."""

    @property
    def callables(self) -> Callables:
        """What to call, by module path."""

    @property
    def observers(self) -> Sequence[Observer]:
        """Who watches the nodes."""

    def placement(self, values: Mapping[Slot, Any]) -> Placement:
        """Where the nodes are, if need be as far as given values tell."""

    def input_values(
        self, plan: Plan, inputs: Mapping[str, Any], fed: Mapping[Slot, Any]
    ) -> dict[Slot, Any]:
        """The values of the input slots that a plan reads, and of inputs among those fed."""


class Session:
    """A lazy, memoised run over one set of inputs.

    `session["mask_pooler"]` computes what is missing and returns the value;
    `session["detections"] = boxes` replaces a value, after which only what depends on it is
    stale; `del session["detections"]` takes the replacement back.

    Args:
        host: the graph.
        wiring: its wiring in the session's mode.
        inputs: the graph's inputs by name.
        seed: the seed of all that is drawn.
    """

    def __init__(
        self, host: SessionHost, wiring: Wiring, inputs: Mapping[str, Any], seed: int
    ) -> None:
        self._host, self._wiring, self._inputs, self.seed = host, wiring, inputs, seed
        self._book = AddressBook(wiring)
        self._values: dict[Slot, Any] = {}
        self._overrides: set[Slot] = set()
        self._taps: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        target = self._book.resolve(name)
        if target.tap and target.name in self._taps:
            return self._taps[target.name]
        if target.tap:
            call = self._wiring.calls[target.slot.path]
            find_module(self._host.callables[call.module_path], call.path, target.tap)
        plan = self._plan([target])
        self._compute(plan)
        return self._taps[target.name] if target.tap else gather(target.endpoint, self._values)

    def __setitem__(self, name: str, value: Any) -> None:
        target = self._book.resolve(name)
        given = spread_feed(target, value, self._wiring)
        self._forget_dependents(given)
        self._values.update(given)
        self._overrides.update(given)

    def __delitem__(self, name: str) -> None:
        target = self._book.resolve(name)
        slots = [s for s in fed_slots(target, self._wiring) if s in self._overrides]
        if not slots:
            raise KeyError(f"'{name}' was not replaced")
        self._forget_dependents(slots)
        for slot in slots:
            self._overrides.discard(slot)
            self._values.pop(slot, None)

    def __contains__(self, name: str) -> bool:
        """Whether the value is there without computing anything."""
        target = self._book.resolve(name)
        if target.tap:
            return target.name in self._taps
        return all(slot in self._values for slot in target.endpoint.slots)

    def __iter__(self) -> Iterator[str]:
        """The names of the values that are there."""
        return iter([str(slot) for slot in self._values])

    def plan(self, until: str | Sequence[str]) -> Plan:
        """What asking for these names would run now."""
        names = [until] if isinstance(until, str) else until
        return self._plan([self._book.resolve(name) for name in names])

    @property
    def computed(self) -> tuple[str, ...]:
        """Paths of the nodes all of whose needed values are there."""
        have = {slot.path for slot in self._values if slot not in self._overrides}
        return tuple(path for path in self._wiring.calls if path in have)

    @property
    def replaced(self) -> tuple[str, ...]:
        """Names of the values that were replaced."""
        return tuple(str(slot) for slot in self._values if slot in self._overrides)

    def _plan(self, targets: Sequence[Target]) -> Plan:
        return make_plan(self._wiring, targets, self._values, keep_all=True)

    def _compute(self, plan: Plan) -> None:
        self._values.update(self._host.input_values(plan, self._inputs, self._values))
        tapped = execute(  # what was computed before a node fails stays
            plan,
            self._host.callables,
            self._values,
            placement=self._host.placement(self._values),
            seed=self.seed,
            observers=self._host.observers,
            release=False,
        )
        self._taps.update(tapped)

    def _forget_dependents(self, slots: Mapping[Slot, Any] | Sequence[Slot]) -> None:
        graph = self._wiring.dependencies
        stale = affected(graph, slots, self._overrides)
        for slot in [slot for slot in self._values if slot in stale]:
            del self._values[slot]
        self._taps = {
            name: value for name, value in self._taps.items() if name.partition(":")[0] not in stale
        }
