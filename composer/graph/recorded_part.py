"""The part of a graph between some values and a number, run with gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from composer.blueprint import Dependencies, Endpoint, Plan, Slot, Target, make_plan
from composer.dag import affected, needed
from composer.errors import InputError
from composer.executor import Edits as BoundEdits
from composer.executor import Observer, gather
from composer.graph.edits import NO_EDITS
from composer.graph.execution import Execution
from composer.graph.marked_values import MarkedModules, mark
from composer.graph.unrecorded_modules import UnrecordedModules, without_recording
from composer.graph.value_parts import ValuePart
from composer.structures import iterate_tensors, map_tensors
from composer.taps import find_module
from composer.values import describe

_Compute = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Recorded:
    """A run with gradients.

    Args:
        scalar: the number.
        values: by place among the values whose gradients are asked for, the whole value of which
            each is a part. What carries gradients requires them.
    """

    scalar: Tensor
    values: Mapping[int, Any]


class RecordedPart:
    """The nodes between some values and a number.

    What lies above them is given. Modules are called through copies for which nothing is recorded,
    so that the weights, what is frozen, and gradients that are there stay as they are.

    Args:
        execution: of a graph; its nodes are run by PyTorch.
        dependencies: the nodes and slots of the mode.
        replaced: slots whose values were replaced, and which depend on nothing.
        of: the number.
        at: the values whose gradients are asked for.

    Attributes:
        frontier: the slots that are to be given.
        plan: what runs.

    Raises:
        InputError: the number does not depend on one of the values, or a node was not built.
        NameResolutionError: a node has no such module inside.
    """

    def __init__(
        self,
        execution: Execution,
        dependencies: Dependencies,
        replaced: set[Slot],
        of: ValuePart,
        at: Sequence[ValuePart],
    ) -> None:
        self.execution, self.dependencies, self.of, self.at = execution, dependencies, of, at
        self._replaced = replaced
        graph = dependencies.graph
        for part in at:
            self._require_dependence(part)
        starts = [vertex for part in at for vertex in _vertices(part.target)]
        below: set[Slot | str] = {vertex for vertex in starts if isinstance(vertex, str)}
        below = below.union(*(self._find_below([vertex]) for vertex in starts))
        wanted = needed(graph, [*_vertices(of.target), *starts], replaced)
        nodes = dependencies.nodes
        ends = [
            end
            for path in wanted & below
            if isinstance(path, str)
            for end in nodes[path].arguments[dependencies.mode].values()
        ]
        ends += [part.target.endpoint for part in (of, *at) if not part.target.tap]
        self.frontier = tuple(sorted({slot for end in ends for slot in end.slots} - below))
        self.plan = self._make_plan([of.target], self.frontier)
        execution.check(self.plan)
        for target in [part.target for part in at if part.target.tap]:
            path = target.slot.path
            find_module(execution.callables[nodes[path].module_path], path, target.tap)

    def run(
        self,
        given: Mapping[Slot, Any],
        inputs: Mapping[str, Any],
        seed: int,
        *,
        places: Sequence[int] | None = None,
        chosen: Mapping[int, Tensor] | None = None,
        edits: BoundEdits = NO_EDITS,
        observers: Sequence[Observer] = (),
    ) -> Recorded:
        """Runs the part.

        Args:
            given: the values of the frontier.
            inputs: the graph's inputs by name.
            seed: the seed of the run.
            places: those of `at` that gradients are recorded for; all by default.
            chosen: by place in `at`, tensors to use in place of those that are computed.
            edits: change what is computed.
            observers: they see the nodes of this run.

        Raises:
            ExecutionError: a node fails.
            InputError, NameResolutionError: the number or a value is not there, or is none.
        """
        places = range(len(self.at)) if places is None else places
        modules = UnrecordedModules(self.execution.callables)
        taps = {place: self.at[place].target for place in places if self.at[place].target.tap}
        with ExitStack() as stack:
            stack.enter_context(recording())
            values = {slot: map_tensors(without_recording, given[slot]) for slot in self.frontier}
            paths = {t.slot.path: self.dependencies.nodes[t.slot.path] for t in taps.values()}
            marks = stack.enter_context(MarkedModules(modules, paths, taps.values()))

            def compute(targets: Sequence[Target], *, is_last: bool = False) -> dict[str, Any]:
                return self.execution.run(
                    self._make_plan(targets, values),
                    values,
                    inputs,
                    seed=seed,
                    release=is_last,
                    edits={slot: edit for slot, edit in edits.items() if slot not in values},
                    observers=(marks, *observers),
                    callables=modules,
                )

            found = self._mark_slots(places, values, chosen or {}, compute)
            of = self.of.target
            tapped = compute([of], is_last=True)
            found |= {place: marks.values[target.name] for place, target in taps.items()}
            whole = tapped[of.name] if of.tap else gather(of.endpoint, values)
            return Recorded(self.of.read_scalar(whole), found)

    def _mark_slots(
        self,
        places: Sequence[int],
        values: dict[Slot, Any],
        chosen: Mapping[int, Tensor],
        compute: _Compute,
    ) -> dict[int, Any]:
        """Computes the values one after the other, and has gradients recorded from each on."""
        pending = [place for place in places if not self.at[place].target.tap]
        found: dict[int, Any] = {}
        while pending:
            slots = {place: self.at[place].target.endpoint.slots for place in pending}
            place = next(
                place
                for place in pending
                if not set(slots[place])
                & self._find_below([s for p in pending if p != place for s in slots[p]])
            )
            pending.remove(place)
            part = self.at[place]
            if missing := [slot for slot in slots[place] if slot not in values]:
                compute([Target(str(slot), Endpoint((slot,))) for slot in missing])
            whole = gather(part.target.endpoint, values)
            wanted = {id(tensor) for tensor in list_tensors(part, whole)}
            for slot in slots[place]:
                values[slot] = mark(values[slot], wanted, chosen.get(place))
            found[place] = gather(part.target.endpoint, values)
        return found

    def _make_plan(
        self, targets: Sequence[Target], given: Sequence[Slot] | Mapping[Slot, Any]
    ) -> Plan:
        fed = dict.fromkeys([*given]).keys()
        plan = make_plan(self.dependencies, targets, fed, keep_all=True, is_brief=True)
        tapped = {part.target.slot.path for part in self.at if part.target.tap}
        # A module whose output is marked cannot be called a second time in the backward pass.
        steps = [
            replace(step, node=step.node.changed(recompute=False))
            if step.node.path in tapped and step.node.recompute
            else step
            for step in plan.steps
        ]
        return replace(plan, steps=tuple(steps))

    def _find_below(self, starts: Iterable[Slot | str]) -> set[Slot | str]:
        return affected(self.dependencies.graph, starts, self._replaced)

    def _require_dependence(self, part: ValuePart) -> None:
        """Makes sure that a path leads from a value to the number.

        Raises:
            InputError: there is none.
        """
        starts, ends = _vertices(part.target), {*_vertices(self.of.target)}
        graph = self.dependencies.graph
        if ends & ({*starts} | self._find_below(starts)):
            return
        above = needed(graph, ends, self._replaced)
        name = part.target.name if part.target.tap else str(part.target.slot)
        paths = [v for v in self.dependencies.nodes if v in above]
        shown = ", ".join(paths[-6:][::-1])
        hint = f"; it is computed from {shown}{', ...' if len(paths) > 6 else ''}" if paths else ""
        raise InputError(f"'{self.of.text}' does not depend on '{name}'{hint}")


@contextmanager
def recording() -> Iterator[None]:
    """Has gradients recorded, whatever the mode around it is."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def _vertices(target: Target) -> tuple[Slot | str, ...]:
    """A tap stands for its node in the graph of what depends on what."""
    return (target.slot.path,) if target.tap else target.endpoint.slots


def list_tensors(part: ValuePart, whole: Any) -> list[Tensor]:
    """The tensors that a part consists of, or else those that it is taken from.

    Args:
        part: the part.
        whole: the value of which it is one.

    Raises:
        InputError: it has none of floating-point numbers.
        NameResolutionError: there is no such part.
    """
    found = part.find(whole)
    inside = [tensor for tensor in iterate_tensors(found) if tensor.is_floating_point()]
    if not inside:
        raise InputError(
            f"'{part.text}' is {describe(found)}, without floating-point numbers: there is no "
            "gradient with respect to it"
        )
    everything = [tensor for tensor in iterate_tensors(whole) if tensor.is_floating_point()]
    known = {id(tensor) for tensor in everything}
    return inside if all(id(tensor) in known for tensor in inside) else everything
