"""A run that keeps its values: computed on demand, replaceable, and recomputed where stale."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from composer.acceleration import cast_up
from composer.blueprint import Endpoint, Plan, Slot, Target, listed, make_plan
from composer.dag import affected
from composer.errors import InputError
from composer.executor import gather
from composer.graph.execution import Execution, check_seed, draw_seed
from composer.graph.gradients import Differentiable
from composer.graph.inputs import bind_inputs, spread_feed
from composer.graph.recorded_part import RecordedPart
from composer.graph.value_parts import parse_part
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
        self._plain: Session | None = None

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

    def plan(self, until: str | Sequence[str], *, at: str | Sequence[str] | None = None) -> Plan:
        """What asking for these names would run now.

        Args:
            until: the names.
            at: the values whose gradients are asked for; see `gradient`, of which `until` is the
                number then.

        Raises:
            NameResolutionError, InputError: as for `gradient`.
        """
        self._check_thread()
        if at is None:
            targets = [self._book.resolve(name) for name in listed(until)]
            return self._execution.annotate(self._plan(targets))
        (of,) = listed(until)
        return self.differentiable(of, at).plan

    def gradient(self, of: str, at: str | Sequence[str]) -> Any:
        """The gradient of a number with respect to values.

        What lies above the values is taken from the session, and computed if it is missing. What
        lies between them and the number is run once more, by PyTorch in the precision of the
        weights, also where the graph is optimised. Values that the session keeps, weights and
        their gradients stay as they are; it does not matter whether anything requires gradients,
        is frozen, or whether gradients are switched off around it.

        Args:
            of: the number: a name and the way to it in its value, such as
                `detections.scores[0][3]`, `box_predictor.class_logits[12, 0]`,
                `instances[0].pred_masks[2].mean()`, or `class_loss.loss_cls` in training mode.
            at: names of values, of parts of them (`backbone.p3`), or of taps.

        Returns:
            The gradient, of the form of the value; for several, a dict by the names that were
            given. Parts that are not of floating-point numbers are there as they are.

        Raises:
            NameResolutionError: a name means nothing or several things.
            InputError: there is no such number, or it does not depend on a value in a way that
                can be differentiated.
            ExecutionError: a node fails.
        """
        found = self.differentiable(of, at).find_gradients()
        return found[0] if isinstance(at, str) else dict(zip(at, found, strict=True))

    def differentiable(self, of: str, at: str | Sequence[str]) -> Differentiable:
        """The function from values to a number, to be run with other values and differentiated.

        It has the arguments of `gradient`, and raises what that raises.
        """
        self._check_thread()
        own = self._without_acceleration()
        number, *parts = [parse_part(name, own._book) for name in (of, *listed(at))]
        part = RecordedPart(own._execution, own._dependencies, own._overrides, number, parts)
        notes = [f"with gradients from: {', '.join(one.text for one in parts)}"]
        if own is not self:
            notes.append("by PyTorch, on the original weights: all nodes")
        return Differentiable(part, own._give, self._inputs, self.seed, tuple(notes))

    def _give(self, slots: Sequence[Slot]) -> Mapping[Slot, Any]:
        """The values of slots, of which those that are missing are computed."""
        targets = [Target(str(slot), Endpoint((slot,))) for slot in slots]
        plan = self._plan(targets, is_brief=True)
        self._execution.check(plan)
        self._compute(plan)
        return {slot: self._values[slot] for slot in slots}

    def _without_acceleration(self) -> Session:
        """The same run by the modules of the graph: this one, unless they are optimised."""
        execution = self._execution.without_acceleration()
        if execution is self._execution:
            return self
        if self._plain is None:
            plain = self._plain = Session(execution, self._book.mode, None, self.seed)
            plain._inputs = self._inputs
            plain._overrides = set(self._overrides)
            plain._values = {slot: cast_up(self._values[slot]) for slot in self._overrides}
        return self._plain

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
        self._plain = None
        graph = self._dependencies.graph
        stale = affected(graph, slots, self._overrides)
        for vertex in stale:
            if isinstance(vertex, Slot):
                self._values.pop(vertex, None)
        self._taps = {
            name: value for name, value in self._taps.items() if name.partition(":")[0] not in stale
        }
