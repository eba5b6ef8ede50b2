"""A run that keeps its values: computed on demand, replaceable, and recomputed where stale."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from composer.blueprint import Plan, Slot, Target, listed, make_plan
from composer.dag import affected
from composer.errors import InputError
from composer.executor import gather
from composer.graph.execution import Execution, check_seed, draw_seed
from composer.graph.inputs import bind_inputs, spread_feed
from composer.language import Mode


class Session:
    """A lazy, memoised run over one set of inputs.

    `session["mask_pooler"]` computes what is missing and returns the value;
    `session["detections"] = boxes` replaces a value, after which only what depends on it is
    stale; `del session["detections"]` takes the replacement back. A session belongs to the thread
    that made it; the graph may be shared.

    Args:
        execution: runs plans of the graph.
        mode: the session's mode.
        inputs: the graph's input, or a mapping by name where there are several.
        seed: the seed of all that is drawn; None draws one.
    """

    def __init__(self, execution: Execution, mode: Mode, inputs: Any, seed: int | None) -> None:
        self._execution = execution
        self._thread = threading.current_thread()
        check_seed(seed)
        self.seed = draw_seed() if seed is None else seed
        self._book = execution.blueprint.book(mode)
        self._dependencies = execution.blueprint.dependencies(mode)
        given = () if inputs is None else (inputs,)
        self._inputs = bind_inputs(self._dependencies.inputs, given, {})
        self._values: dict[Slot, Any] = {}
        self._overrides: set[Slot] = set()
        self._taps: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        self._check_thread()
        target = self._book.resolve(name)
        if target.tap and target.name in self._taps:
            return self._taps[target.name]
        plan = self._plan([target], is_brief=True)
        self._execution.check(plan)
        self._compute(plan)
        return self._taps[target.name] if target.tap else gather(target.endpoint, self._values)

    def __setitem__(self, name: str, value: Any) -> None:
        self._check_thread()
        target = self._book.resolve(name)
        given = spread_feed(target, value, self._dependencies)
        self._forget_dependents(given)
        self._values.update(given)
        self._overrides.update(given)

    def feed(self, values: Any) -> None:
        """Replaces several values by name.

        Raises:
            InputError: if they are no mapping, or something cannot be given.
        """
        if not isinstance(values, Mapping):
            kind = type(values).__name__
            raise InputError(f"feeds are values by the name of a node or port, not {kind}")
        for name, value in values.items():
            self[name] = value

    def __delitem__(self, name: str) -> None:
        self._check_thread()
        target = self._book.resolve(name)
        slots = [s for s in self._book.fed_slots(target) if s in self._overrides]
        if not slots:
            raise KeyError(f"'{name}' was not replaced")
        self._forget_dependents(slots)
        for slot in slots:
            self._overrides.discard(slot)
            self._values.pop(slot, None)

    def __contains__(self, name: str) -> bool:
        """Whether the value is there without computing anything."""
        self._check_thread()
        target = self._book.resolve(name)
        if target.tap:
            return target.name in self._taps
        return all(slot in self._values for slot in target.endpoint.slots)

    def __iter__(self) -> Iterator[str]:
        """The names of the values that are there."""
        self._check_thread()
        return iter([str(slot) for slot in self._values])

    def plan(self, until: str | Sequence[str]) -> Plan:
        """What asking for these names would run now."""
        self._check_thread()
        names = listed(until)
        return self._execution.annotate(self._plan([self._book.resolve(name) for name in names]))

    @property
    def computed(self) -> tuple[str, ...]:
        """Paths of the nodes all of whose needed values are there."""
        have = {slot.path for slot in self._values if slot not in self._overrides}
        return tuple(path for path in self._dependencies.nodes if path in have)

    @property
    def replaced(self) -> tuple[str, ...]:
        """Names of the values that were replaced."""
        return tuple(str(slot) for slot in self._values if slot in self._overrides)

    def _check_thread(self) -> None:
        if threading.current_thread() is not self._thread:
            raise InputError(
                "a session belongs to the thread that made it: make one in each thread. The graph "
                "may be shared by all of them."
            )

    def _plan(self, targets: Sequence[Target], *, is_brief: bool = False) -> Plan:
        given = self._values.keys()
        return make_plan(self._dependencies, targets, given, keep_all=True, is_brief=is_brief)

    def _compute(self, plan: Plan) -> None:
        tapped = self._execution.run(  # what was computed before a node fails stays
            plan, self._values, self._inputs, seed=self.seed, release=False
        )
        self._taps.update(tapped)

    def _forget_dependents(self, slots: Mapping[Slot, Any] | Sequence[Slot]) -> None:
        graph = self._dependencies.graph
        stale = affected(graph, slots, self._overrides)
        for vertex in stale:
            if isinstance(vertex, Slot):
                self._values.pop(vertex, None)
        self._taps = {
            name: value for name, value in self._taps.items() if name.partition(":")[0] not in stale
        }
