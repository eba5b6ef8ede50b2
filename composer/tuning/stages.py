"""Runs the graphs of many settings on one batch, and computes what they share once.

Above the first node that differs, all settings share one run. From there on a setting runs in
stages, each of which ends at a node that differs. A stage that has the nodes of another and is
given the same values, bit for bit, is not run again: two thresholds that keep the same detections
share the masks of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from composer.blueprint import Blueprint, Dependencies, Plan, Slot
from composer.graph import VariedGraph
from composer.tuning.value_digest import digest_value

_SHARED = ""  # the key of a value that all settings have


@dataclass(frozen=True)
class Division:
    """The nodes of inference of several blueprints.

    Args:
        shared: paths of the nodes that all have, and whose inputs are the same in all.
        changed: paths of the other nodes that differ themselves.
        frontier: the slots of shared nodes that other nodes or the outputs take.
    """

    shared: frozenset[str]
    changed: frozenset[str]
    frontier: tuple[Slot, ...]


def divide(blueprints: Sequence[Blueprint], numbers: Sequence[Mapping[str, int]]) -> Division:
    """Divides the nodes of blueprints into those that are computed once, and the others.

    Args:
        blueprints: the blueprints.
        numbers: of their nodes, by `number_nodes`.
    """
    first, *others = numbers
    same = {path for path, number in first.items() if all(o.get(path) == number for o in others)}
    shared: set[str] = set()
    plans = [blueprint.plan("inference") for blueprint in blueprints]
    for step in plans[0].steps:  # in an order in which what is needed comes first
        sources = [slot.path for end in step.arguments.values() for slot in end.slots]
        inputs = blueprints[0].inputs["inference"]
        if step.node.path in same and all(p in shared or p in inputs for p in sources):
            shared.add(step.node.path)
    frontier: dict[Slot, None] = {}
    for plan in plans:
        for step in plan.steps:
            if step.node.path not in shared:
                frontier |= {slot: None for end in step.arguments.values() for slot in end.slots}
        frontier |= {slot: None for target in plan.targets for slot in target.endpoint.slots}
    changed = {path for each in numbers for path in each if path not in same}
    return Division(
        frozenset(shared),
        frozenset(changed),
        tuple(slot for slot in frontier if slot.path in shared),
    )


@dataclass(frozen=True)
class Stage:
    """A part of a setting's run.

    Args:
        plan: what it runs.
        key: equal for stages that compute the same from the same values.
        is_last: whether it gives the outputs of the graph.
    """

    plan: Plan
    key: Any
    is_last: bool = False


def make_stages(varied: VariedGraph, numbers: Mapping[str, int], division: Division) -> list[Stage]:
    """The stages of a setting after the shared nodes, in order.

    Args:
        varied: the graph of the setting.
        numbers: of its nodes.
        division: of the nodes of all settings.
    """
    blueprint = varied.blueprint
    whole = blueprint.plan("inference")
    known = dict.fromkeys(division.frontier)
    used = _find_used(whole)
    stages: list[Stage] = []
    for step in whole.steps:
        path = step.node.path
        if path in division.shared or path not in division.changed:
            continue
        slots = [slot for slot in step.node.slots if slot in used]
        plan = varied.plan(slots, known.keys())
        stages.append(Stage(plan, _key(plan, numbers)))
        known |= dict.fromkeys(slots)
    dependencies: Dependencies = blueprint.dependencies("inference")
    given = [slot for slot in known if slot.path in dependencies.nodes]
    last = varied.plan(None, given)
    outputs = tuple((name, end.slots) for name, end in blueprint.outputs["inference"].items())
    return [*stages, Stage(last, (outputs, _key(last, numbers)), is_last=True)]


def _find_used(plan: Plan) -> set[Slot]:
    """The slots that steps or targets of a plan read."""
    used = {slot for step in plan.steps for end in step.arguments.values() for slot in end.slots}
    return used | {slot for target in plan.targets for slot in target.endpoint.slots}


def _key(plan: Plan, numbers: Mapping[str, int]) -> tuple[Any, ...]:
    steps = tuple((step.node.path, numbers[step.node.path]) for step in plan.steps)
    return steps, tuple(plan.used_feeds), tuple(target.name for target in plan.targets)


@dataclass
class SharedRun:
    """The runs of all settings on one batch.

    Args:
        values: of the frontier, by slot.
        inputs: the batch.
        seed: of all that nodes draw.
    """

    values: Mapping[Slot, Any]
    inputs: Any
    seed: int
    _done: dict[Any, Any] = field(default_factory=dict)

    def answer(self, varied: VariedGraph, stages: Sequence[Stage]) -> Any:
        """The outputs of a setting's graph; of settings that compute the same, the same object.

        Args:
            varied: the graph of the setting.
            stages: its stages.
        """
        values, keys = dict(self.values), dict.fromkeys(self.values, _SHARED)
        for stage in stages[:-1]:
            key = self._find_key(stage, keys)
            if key not in self._done:
                made = varied.compute(stage.plan, values, self.inputs, self.seed)
                self._done[key] = {
                    slot: (value, digest_value(value) or (key, slot))
                    for slot, value in made.items()
                }
            for slot, (value, digest) in self._done[key].items():
                values[slot], keys[slot] = value, digest
        key = self._find_key(stages[-1], keys)
        if key not in self._done:
            self._done[key] = varied.answer(stages[-1].plan, values, self.inputs, self.seed)
        return self._done[key]

    def _find_key(self, stage: Stage, keys: Mapping[Slot, Any]) -> Any:
        return stage.key, tuple(keys[slot] for slot in stage.plan.used_feeds)
